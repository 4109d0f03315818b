<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <renderer-v2 type="graduatedSymbol" attr="trend_well" graduatedMethod="GraduatedColor" symbollevels="0" enableorderby="0">
    <ranges>
      <range lower="-1000" upper="-4" symbol="0" label="below -4 cm/yr" render="true"/>
      <range lower="-4" upper="-2" symbol="1" label="-4 to -2 cm/yr" render="true"/>
      <range lower="-2" upper="-1" symbol="2" label="-2 to -1 cm/yr" render="true"/>
      <range lower="-1" upper="-0.5" symbol="3" label="-1 to -0.5 cm/yr" render="true"/>
      <range lower="-0.5" upper="-0.2" symbol="4" label="-0.5 to -0.2 cm/yr" render="true"/>
      <range lower="-0.2" upper="0.2" symbol="5" label="-0.2 to 0.2 cm/yr" render="true"/>
      <range lower="0.2" upper="0.5" symbol="6" label="0.2 to 0.5 cm/yr" render="true"/>
      <range lower="0.5" upper="1" symbol="7" label="0.5 to 1 cm/yr" render="true"/>
      <range lower="1" upper="2" symbol="8" label="1 to 2 cm/yr" render="true"/>
      <range lower="2" upper="4" symbol="9" label="2 to 4 cm/yr" render="true"/>
      <range lower="4" upper="1000" symbol="10" label="above 4 cm/yr" render="true"/>
    </ranges>
    <symbols>
      <symbol name="0" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="84,48,5,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="1" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="140,81,10,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="2" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="191,129,45,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="3" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="223,194,125,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="4" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="246,232,195,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="5" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="245,245,245,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="6" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="199,234,229,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="7" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="128,205,193,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="8" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="53,151,143,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="9" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="1,102,94,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
      <symbol name="10" type="marker" alpha="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="name" type="QString" value="circle"/>
            <Option name="color" type="QString" value="0,60,48,255"/>
            <Option name="outline_color" type="QString" value="60,60,60,255"/>
            <Option name="outline_width" type="QString" value="0.15"/>
            <Option name="size" type="QString" value="2.4"/>
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
