# GQA Lab for a host: Debian, torch for CPUs, user 1000, nothing to write but /data.
#   docker build -t gqa-lab . && docker run --rm --read-only --tmpfs /tmp -v gqa:/data -p 8501:8501 gqa-lab
# What is done lies in hosting/install, so that it can be tested without Docker: docs/hosting.md.
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv ca-certificates \
    && rm -rf /var/lib/apt/lists/*

# Once per lock: the dependencies are the large layer, and a change of the code leaves it alone.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu \
    PIP_DISABLE_PIP_VERSION_CHECK=1
COPY hosting/requirements.txt hosting/install /tmp/dependencies/hosting/
RUN sh /tmp/dependencies/hosting/install --dependencies /tmp/dependencies

COPY . /tmp/source
RUN sh /tmp/source/hosting/install --app /tmp/source && rm -rf /tmp/source /tmp/dependencies

ENV HOME=/data XDG_CACHE_HOME=/data/cache XDG_DATA_HOME=/data \
    GQA_HOSTED=1 PORT=8501 PYTHONUNBUFFERED=1
USER 1000:1000
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=25s --start-period=60s --start-interval=2s \
    CMD ["/opt/gqa-lab/bin/python", "/opt/gqa-lab/healthy.py"]
CMD ["/opt/gqa-lab/bin/start"]
