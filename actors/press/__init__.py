"""The press: Markdown in, a beautiful PDF out, chunk by chunk.

``typeset`` makes HTML of a section (with ``prose``, ``blocks``, ``tidy``, ``tongue``, ``looks``, ``contents``);
``rendering`` and ``pressroom`` make a PDF of the HTML in a process of its own; ``binding`` makes one document of all
chunks (with ``book``, ``transplant``, ``lettering``, ``stamps``, ``outline``, ``pdf_file``).
"""
