# The first stage installs everything and compiles; the second has what runs, and nothing that was only needed to get there.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
# Compiles as well: `prepare` builds.
RUN npm ci
# What runs is what was compiled. Sources that stayed would be compared with it, and asked to be compiled again.
RUN find apps libs -name '*.ts' -not -path '*/dist/*' -delete

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    DATA_DIR=/data \
    LOG_FORMAT=json
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY --from=build /app/apps apps
COPY --from=build /app/libs libs
# No scripts: `prepare` would compile, and no package that runs needs one. The data directory is for its owner alone.
RUN npm ci --omit=dev --ignore-scripts \
    && npm cache clean --force \
    && install --directory --owner=node --group=node --mode=700 /data
COPY bin bin
COPY scripts/health.js scripts/health.js
USER node
VOLUME /data
# Node itself is the first process and hears the signal: it ends requests, feeds, projections and the log in order. Give it
# longer than SHUTDOWN_MS before it is killed (`docker stop --time 30`); a kill loses nothing that was acknowledged.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "scripts/health.js", "live"]
# Room for young objects in the main thread, in MB: those of a chunk of events live until the chunk is in the log.
CMD ["node", "--max-semi-space-size=32", "apps/server/dist/main.js"]
