<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="singlebandpseudocolor" band="2" alphaBand="-1" opacity="1" nodataColor="" classificationMin="0" classificationMax="1">
      <rastershader>
        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="0" maximumValue="1">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option name="color1" type="QString" value="178,24,43,255"/>
              <Option name="color2" type="QString" value="27,120,55,255"/>
              <Option name="discrete" type="QString" value="0"/>
              <Option name="rampType" type="QString" value="gradient"/>
              <Option name="stops" type="QString" value="0.25;239,138,98,255:0.5;247,243,200,255:0.75;166,219,160,255"/>
            </Option>
          </colorramp>
          <item value="0" label="not applicable in any month" color="#b2182b" alpha="255"/>
          <item value="0.25" label="0.25" color="#ef8a62" alpha="255"/>
          <item value="0.5" label="0.5" color="#f7f3c8" alpha="255"/>
          <item value="0.75" label="0.75" color="#a6dba0" alpha="255"/>
          <item value="1" label="applicable in all months" color="#1b7837" alpha="255"/>
          <rampLegendSettings useContinuousLegend="1" orientation="2" direction="0" prefix="" suffix="" minimumLabel="0: outside in all months" maximumLabel="1: applicable in all months"/>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
