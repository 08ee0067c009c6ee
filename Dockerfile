# One image for every process: what it does is said by its command, as in "run worker life_clarity".

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# What a report needs to run, checked against the hashes in the lock file.
COPY requirements.lock ./
RUN python -m venv /opt/ledgerpress \
 && /opt/ledgerpress/bin/pip install --require-hashes --requirement requirements.lock
# What builds the wheel: locked as well, and left behind with this stage.
COPY requirements-dev.lock ./
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes --requirement requirements-dev.lock
COPY . .
RUN /opt/tools/bin/python -m hatchling build -t wheel -d /dist \
 && /opt/ledgerpress/bin/pip install --no-deps --no-index /dist/*.whl \
 && /opt/ledgerpress/bin/python -m pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
# WeasyPrint draws with these libraries. Debian replaces a version by its security fix: do not pin it.
# tini: a process that is the first of its container ignores the kernel timer that is our hard limit.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
    libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent ledgerpress \
 && install --directory --owner ledgerpress --group ledgerpress --mode 0700 \
    /var/lib/ledgerpress/blobs /var/lib/ledgerpress/turns
COPY --from=build /opt/ledgerpress /opt/ledgerpress
ENV PATH=/opt/ledgerpress/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /
USER 10001:10001
EXPOSE 8000
# Only the API answers questions, and compose.yaml asks it; the others end when something is wrong.
HEALTHCHECK NONE
ENTRYPOINT ["tini", "--", "ledgerpress"]
CMD ["--help"]
