"""What the warm process renders with: engine, style sheet and fonts, loaded once. The only door to WeasyPrint."""

import gc
import hashlib
import importlib.metadata
from collections.abc import Callable

import weasyprint
from weasyprint.text.ffi import harfbuzz, pango
from weasyprint.text.fonts import FontConfiguration

from actors.press.rendering import FONTS, SHEET, Rendered
from actors.press.sheets import NEXT_SHEET, packed

OPTIONS = {"pdf_tags": True, "pdf_version": "1.7"}
ENGINE = ("weasyprint", "pydyf", "tinycss2", "cssselect2", "tinyhtml5", "pyphen", "fonttools")


def plate() -> Callable[[str], Rendered]:
    """Load engine, style sheet and fonts, and give back what renders with them.

    For the warm process only: it costs a second and 60 MB. What it gives back reads no file and
    opens no connection, whatever the HTML asks for.
    """

    class Nothing(weasyprint.urls.URLFetcher):  # type: ignore[misc]
        """Fetches nothing."""

        def fetch(self, url: str, headers: object = None) -> None:  # noqa: ARG002 - its signature
            raise ValueError(url[:40])

    fonts = FontConfiguration()
    style = weasyprint.CSS(string=SHEET.read_text("utf-8"), font_config=fonts)

    def sheet(html: str) -> Rendered:
        document = weasyprint.HTML(string=html, base_url="refused:", url_fetcher=Nothing()).render(
            font_config=fonts, stylesheets=[style], **OPTIONS
        )
        return Rendered(pdf=document.write_pdf(**OPTIONS), pages=len(document.pages))

    def render(html: str) -> Rendered:
        first, *others = html.split(NEXT_SHEET)
        made = [sheet(first)]
        for each in others:
            # What was laid out refers to itself, and would stay until the collector comes by.
            gc.collect()
            made.append(sheet(each))
        return Rendered(
            pdf=packed([each.pdf for each in made]), pages=sum(each.pages for each in made)
        )

    return render


def fingerprint() -> str:
    """What ``Press.recipe`` hands on. For the warm process: the libraries must be loaded."""
    recipe = hashlib.sha256()
    for file in [SHEET, *sorted(FONTS.glob("*.[tc]*"))]:
        recipe.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    engine = [f"{name} {importlib.metadata.version(name)}" for name in ENGINE]
    engine += [f"pango {pango.pango_version()}", repr(sorted(OPTIONS.items()))]
    engine += [f"harfbuzz {[harfbuzz.hb_version_atleast(major, 0, 0) for major in range(20)]}"]
    recipe.update("\n".join(engine).encode())
    return recipe.hexdigest()
