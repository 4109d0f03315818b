<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="singlebandpseudocolor" band="1" alphaBand="-1" opacity="1" nodataColor="" classificationMin="-20" classificationMax="20">
      <rastershader>
        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="-20" maximumValue="20">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option name="color1" type="QString" value="84,48,5,255"/>
              <Option name="color2" type="QString" value="0,60,48,255"/>
              <Option name="discrete" type="QString" value="0"/>
              <Option name="rampType" type="QString" value="gradient"/>
              <Option name="stops" type="QString" value="0.1;140,81,10,255:0.2;191,129,45,255:0.3;223,194,125,255:0.4;246,232,195,255:0.5;245,245,245,255:0.6;199,234,229,255:0.7;128,205,193,255:0.8;53,151,143,255:0.9;1,102,94,255"/>
            </Option>
          </colorramp>
          <item value="-20" label="-20 cm" color="#543005" alpha="255"/>
          <item value="-16" label="-16 cm" color="#8c510a" alpha="255"/>
          <item value="-12" label="-12 cm" color="#bf812d" alpha="255"/>
          <item value="-8" label="-8 cm" color="#dfc27d" alpha="255"/>
          <item value="-4" label="-4 cm" color="#f6e8c3" alpha="255"/>
          <item value="0" label="0 cm" color="#f5f5f5" alpha="255"/>
          <item value="4" label="4 cm" color="#c7eae5" alpha="255"/>
          <item value="8" label="8 cm" color="#80cdc1" alpha="255"/>
          <item value="12" label="12 cm" color="#35978f" alpha="255"/>
          <item value="16" label="16 cm" color="#01665e" alpha="255"/>
          <item value="20" label="20 cm" color="#003c30" alpha="255"/>
          <rampLegendSettings useContinuousLegend="1" orientation="2" direction="0" prefix="" suffix=" cm" minimumLabel="" maximumLabel=""/>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
