"""The press: Markdown in, a beautiful PDF out, chunk by chunk.

``typeset`` makes HTML of a section, with ``prose``, ``blocks``, ``figures``, ``charts``, ``tidy``, ``tongue``,
``looks`` and ``contents``. ``rendering`` and ``pressroom`` make a PDF of it in a ``child`` that has no network
(``seclusion``), with ``plate``, ``turns`` and ``sheets``. ``binding`` makes one document of all chunks, with ``book``,
``transplant``, ``lettering``, ``stamps``, ``outline``, ``papers`` and ``pdf_file``.
"""
