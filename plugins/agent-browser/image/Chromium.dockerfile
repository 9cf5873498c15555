# The small image has no browser; in the full one nothing is left to do. The settings are those of container/Dockerfile.
RUN set -eu; if command -v chromium >/dev/null; then exit 0; fi; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends chromium fontconfig fonts-dejavu-core fonts-liberation; \
    find / -xdev -perm /6000 -type f -exec chmod a-s {} +; \
    apt-get clean; rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/*; \
    mkdir -p /etc/chromium.d; printf '%s\n' \
    'export XDG_CONFIG_HOME="${XDG_CONFIG_HOME:-/tmp/.config}" XDG_CACHE_HOME="${XDG_CACHE_HOME:-/tmp/.cache}"' \
    'CHROMIUM_FLAGS="$CHROMIUM_FLAGS --disable-dev-shm-usage"' \
    'unshare --user true 2>/dev/null || CHROMIUM_FLAGS="$CHROMIUM_FLAGS --no-sandbox"' \
    > /etc/chromium.d/bellhop; \
    mkdir -p /etc/chromium/policies/managed; \
    ln -s /run/bellhop/chromium-policy.json /etc/chromium/policies/managed/bellhop.json
