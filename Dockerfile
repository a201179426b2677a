# The service: `docker compose up` builds and runs it beside Neo4j.
FROM python:3.11-slim

# LightGBM and torch need OpenMP; nothing else is compiled here.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 entourage \
    && install --directory --owner entourage /var/lib/entourage

WORKDIR /srv/entourage
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.txt

COPY pyproject.toml README.md ./
COPY cypher cypher
COPY graph graph
COPY recommenders recommenders
COPY gnn gnn
COPY ranking ranking
COPY recommend recommend
COPY web web
COPY evaluation evaluation
COPY generator generator
COPY cli cli
RUN pip install --no-cache-dir --no-deps .

ENV ENTOURAGE_HOME=/var/lib/entourage \
    ENTOURAGE_CACHE=/var/lib/entourage/cache \
    ENTOURAGE_SERVICE__HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1
USER entourage
VOLUME /var/lib/entourage
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
# gunicorn, under the command's own supervision, as process 1: it stops cleanly on SIGTERM.
CMD ["entourage", "serve"]
