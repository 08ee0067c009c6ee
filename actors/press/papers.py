"""What a document tells programs about itself: title, language, conformance, and the files it carries."""

from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from actors.press.pdf_file import PdfFile, text_string

MAKER = "Ledgerpress"
PRODUCER = "WeasyPrint, Ledgerpress"

# Extensible Metadata Platform, ISO 16684-1; the identification of PDF/UA is in ISO 14289-1, clause 5.
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>{maker}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>{maker}</xmp:CreatorTool>
<xmp:CreateDate>{day}T00:00:00Z</xmp:CreateDate>
<xmp:ModifyDate>{day}T00:00:00Z</xmp:ModifyDate>
<pdf:Producer>{producer}</pdf:Producer>
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What is said of a document. ``language`` is an IETF tag."""

    title: str
    subject: str
    language: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that the document carries. ``about`` says what it is."""

    filename: str
    media_type: str
    about: str
    content: bytes


def write_information(file: PdfFile, papers: Papers) -> int:
    """Write the document information dictionary (ISO 32000-1, 14.3.3); its number."""
    day = f"{papers.day:%Y%m%d}".encode()
    return file.add(
        b"<</Title%s/Subject%s/Author(%s)/Creator(%s)/Producer(%s)"
        b"/CreationDate(D:%s000000Z)/ModDate(D:%s000000Z)>>"
        % (
            text_string(papers.title),
            text_string(papers.subject),
            MAKER.encode(),
            MAKER.encode(),
            PRODUCER.encode(),
            day,
            day,
        )
    )


def write_metadata(file: PdfFile, papers: Papers) -> int:
    """Write the same as XMP, with the claim to be PDF/UA-1; its number. It stays readable without a PDF library."""
    text = XMP.format(
        title=escape(papers.title),
        subject=escape(papers.subject),
        language=escape(papers.language),
        day=papers.day.isoformat(),
        maker=MAKER,
        producer=PRODUCER,
    )
    number = file.reserve()
    file.write_stream(number, b"/Type/Metadata/Subtype/XML", text.encode("utf-8", "replace"))
    return number


def write_enclosure(file: PdfFile, each: Enclosure) -> int:
    """Write a file that the document carries (ISO 32000-1, 7.11.4); the number of its specification."""
    kind = each.media_type.replace("/", "#2F").encode()
    stream = file.add_packed(
        b"/Type/EmbeddedFile/Subtype/%s/Params<</Size %d>>" % (kind, len(each.content)),
        each.content,
    )
    name = text_string(each.filename)
    return file.add(
        b"<</Type/Filespec/F%s/UF%s/Desc%s/AFRelationship/Data/EF<</F %d 0 R/UF %d 0 R>>>>"
        % (name, name, text_string(each.about), stream, stream)
    )
