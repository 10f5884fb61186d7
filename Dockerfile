# syntax=docker/dockerfile:1
# Two stages: the first makes the environment from the hash lock, the second only carries it.
# Where packages come from can be said to the build: --build-arg PIP_INDEX_URL=...
FROM python:3.13-slim AS build
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/touchline
WORKDIR /src
COPY requirements/app.lock requirements/build.lock requirements/
RUN /opt/touchline/bin/pip install --require-hashes -r requirements/app.lock \
 && python -m pip install --require-hashes -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY workers workers
COPY migrations migrations
RUN python -m pip wheel --no-deps --no-build-isolation -w /wheels . \
 && /opt/touchline/bin/pip install --no-deps --no-index /wheels/*.whl \
 && /opt/touchline/bin/python -m compileall -q /opt/touchline/lib \
 && /opt/touchline/bin/pip uninstall -q -y pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin touchline
COPY --from=build /opt/touchline /opt/touchline
ENV PATH=/opt/touchline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production HOST=0.0.0.0 PORT=8000
WORKDIR /
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["touchline", "healthy"]
ENTRYPOINT ["touchline"]
CMD ["api"]
