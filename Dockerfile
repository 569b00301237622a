FROM python:3.13.9-slim-trixie AS build
WORKDIR /src
RUN python -m venv /opt/headwater && /opt/headwater/bin/pip install --no-cache-dir uv
COPY requirements.lock ./
RUN /opt/headwater/bin/uv pip install --no-cache --python /opt/headwater/bin/python --require-hashes -r requirements.lock
COPY . .
RUN /opt/headwater/bin/uv pip install --no-cache --python /opt/headwater/bin/python --no-deps . \
    && /opt/headwater/bin/pip uninstall --yes uv

FROM python:3.13.9-slim-trixie
# PDFs are set in these where the fonts that Typst brings along lack a script
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu fonts-noto-cjk fonts-noto-core \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 headwater && install --directory --owner headwater /var/lib/headwater/headwater-data
COPY --from=build /opt/headwater /opt/headwater
ENV PATH=/opt/headwater/bin:$PATH PYTHONUNBUFFERED=1
USER headwater
WORKDIR /var/lib/headwater
VOLUME /var/lib/headwater/headwater-data
EXPOSE 8000
ENTRYPOINT ["headwater"]
CMD ["up"]
