"""A style file (``.qml``) that QGIS finds beside a layer of cells and colours it with."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from sim.maps.bands import BANDS, rgb


def cells_qml() -> str:
    """One rule per band, by the property ``band``; outlines in the colour of the fill, so that cells touch."""
    rules, symbols = [], []
    for number, band in enumerate(BANDS):
        red, green, blue = rgb(band.colour)
        condition, label = quoteattr(f'"band" = {number}'), quoteattr(f"{band.label} / {band.label_zh}")
        rules.append(f'      <rule key="band-{number}" symbol="{number}" filter={condition} label={label}/>')
        symbols.append(_symbol(number, f"{red},{green},{blue},255"))
    return "\n".join([
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>",
        '<qgis version="3.22.0" styleCategories="Symbology">',
        '  <renderer-v2 type="RuleRenderer" symbollevels="0" enableorderby="0" forceraster="0">',
        '    <rules key="bands">', *rules, "    </rules>", "    <symbols>", *symbols, "    </symbols>",
        "  </renderer-v2>", "</qgis>", "",
    ])


def _symbol(number: int, colour: str) -> str:
    properties = {
        "color": colour, "outline_color": colour, "outline_style": "solid", "outline_width": "0.3",
        "outline_width_unit": "MM", "style": "solid", "joinstyle": "miter",
    }
    pairs = properties.items()
    options = [f'            <Option type="QString" name="{key}" value="{value}"/>' for key, value in pairs]
    legacy = [f'          <prop k="{key}" v="{value}"/>' for key, value in pairs]
    return "\n".join([
        f'      <symbol type="fill" name="{number}" alpha="1" clip_to_extent="1" force_rhr="0">',
        '        <layer class="SimpleFill" enabled="1" locked="0" pass="0">',
        '          <Option type="Map">', *options, "          </Option>", *legacy,
        "        </layer>", "      </symbol>",
    ])
