#!/bin/sh
# Installs what tests need beside Python: a MariaDB server, a Redis, a Chromium browser, nginx, curl, and
# the libraries that LightGBM (OpenMP) and Playwright (atomic) are linked to.
set -eu
PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=
command -v mariadbd >/dev/null || missing="$missing mariadb-server"
command -v chromium >/dev/null || missing="$missing chromium"
command -v nginx >/dev/null || missing="$missing nginx-light"
command -v curl >/dev/null || missing="$missing curl"
command -v redis-server >/dev/null || missing="$missing redis-server"
ldconfig -p | grep -q libgomp.so.1 || missing="$missing libgomp1"
ldconfig -p | grep -q libatomic.so.1 || missing="$missing libatomic1"
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then run=; elif sudo -n true 2>/dev/null; then run=sudo; else run=none; fi
    if [ "$run" != none ]; then
        echo "installing$missing"
        export DEBIAN_FRONTEND=noninteractive
        $run apt-get update -qq
        # shellcheck disable=SC2086  # one word a package
        $run apt-get install -y -qq --no-install-recommends $missing >/dev/null
        exit 0
    fi
fi
echo "This needs$missing, which may not be installed from here. Install by hand:" >&2
echo "    apt-get install --no-install-recommends$missing" >&2
exit 1
