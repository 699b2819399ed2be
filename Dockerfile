# A static binary in an empty image. Build arguments name the base images, so
# that it also builds where no public registry can be reached:
#
#   docker build --build-arg GO_IMAGE=registry.example/golang:1.26 -t proxyfilter .
#
# Neither "# syntax=" nor "--mount" is used: the legacy builder knows neither. The
# same sources and the same Go give the same bytes.
ARG GO_IMAGE=golang:1.26
ARG RUN_IMAGE=scratch

FROM ${GO_IMAGE} AS build
ARG VERSION=unknown
# Without a value the image's own settings stand.
ARG GOPROXY
ARG GOFLAGS
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=${VERSION}" -o /proxyfilter ./cmd/proxyfilter && \
    mkdir -p /empty/spool /empty/run /empty/state

FROM ${RUN_IMAGE}
COPY --from=build /proxyfilter /proxyfilter
# Messages that do not fit into memory go here; in an empty image nothing else
# could be written to.
COPY --from=build --chown=10024:10024 /empty/spool /var/tmp
# Here the next container takes over (serve --takeover).
COPY --from=build --chown=10024:10024 /empty/run /run/proxyfilter
# What must be known after a restart: the journal and the store.
COPY --from=build --chown=10024:10024 /empty/state /var/lib/proxyfilter
USER 10024:10024
VOLUME /var/tmp /run/proxyfilter /var/lib/proxyfilter
EXPOSE 10024
# The program asks itself; there is no shell and no curl.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/proxyfilter", "health"]
ENTRYPOINT ["/proxyfilter"]
CMD ["serve"]
