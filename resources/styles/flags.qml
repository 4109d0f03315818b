<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" band="1" alphaBand="-1" opacity="1" nodataColor="">
      <colorPalette>
        <paletteEntry value="0" label="observed" color="#2b83ba" alpha="255"/>
        <paletteEntry value="1" label="filled" color="#fdae61" alpha="255"/>
      </colorPalette>
    </rasterrenderer>
  </pipe>
</qgis>
