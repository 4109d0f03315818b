<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="singlebandpseudocolor" band="1" alphaBand="-1" opacity="1" nodataColor="" classificationMin="0" classificationMax="8">
      <rastershader>
        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="0" maximumValue="8">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option name="color1" type="QString" value="252,251,253,255"/>
              <Option name="color2" type="QString" value="63,0,125,255"/>
              <Option name="discrete" type="QString" value="0"/>
              <Option name="rampType" type="QString" value="gradient"/>
              <Option name="stops" type="QString" value="0.25;218,218,235,255:0.5;158,154,200,255:0.75;106,81,163,255"/>
            </Option>
          </colorramp>
          <item value="0" label="0 cm" color="#fcfbfd" alpha="255"/>
          <item value="2" label="2 cm" color="#dadaeb" alpha="255"/>
          <item value="4" label="4 cm" color="#9e9ac8" alpha="255"/>
          <item value="6" label="6 cm" color="#6a51a3" alpha="255"/>
          <item value="8" label="8 cm" color="#3f007d" alpha="255"/>
          <rampLegendSettings useContinuousLegend="1" orientation="2" direction="0" prefix="" suffix=" cm" minimumLabel="" maximumLabel=""/>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
