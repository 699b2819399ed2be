#!/bin/sh
# Looks for the programs that `make demo` and `make test` use, and installs what
# is missing from the distribution's own packages.
#
#   integration/install.sh demo    Postfix, spamd and a sending client
#   integration/install.sh test    these, OpenDKIM, clamd without a database of
#                                  signatures, a C compiler for -race,
#                                  systemd-socket-activate, ip(8), lintian,
#                                  promtool, redis-server, fail2ban-regex, pflogsumm
#                                  and, on Debian, chromium;
#                                  debootstrap and docker-compose, if there is a
#                                  Docker engine, which it never installs
#
# YES=1 goes on without asking. CI, set to anything, makes whatever stays missing a
# failure; elsewhere the demo takes stand-ins, and tests skip and say so.
#
# It is careful with the machine it runs on. No package is removed for another
# (--no-remove). No service is started: a policy-rc.d forbids it meanwhile, and
# is put back as it was, also when interrupted. Where another mail server is
# installed, or something listens on port 25, nothing is installed at all.
set -eu

purpose=${1:-test}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
PATH=$PATH:/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin
export PATH

policy=/usr/sbin/policy-rc.d
saved=$policy.before-proxyfilter
marker='# written by proxyfilter/integration/install.sh'

say() { printf '%s\n' "install: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- what is missing ---------------------------------------------------------

# packages_for prints the packages of one program. spamd is a package of its own
# since Debian 12 and Ubuntu 24.04, and part of spamassassin before.
packages_for() {
    case $1 in
        spamd) if apt-cache show spamd >/dev/null 2>&1; then echo spamassassin spamd; else echo spamassassin; fi ;;
        clamd) echo clamav-daemon ;;
        gcc) echo gcc libc6-dev ;;
        systemd-socket-activate) echo systemd ;;
        ip) echo iproute2 ;;
        promtool) echo prometheus ;;
        fail2ban-regex) echo fail2ban ;;
        # It brings gpg without its agent, and then the script that installs
        # spamassassin, which imports a key where there is a gpg, fails.
        lintian) echo lintian gpg-agent ;;
        *) echo "$1" ;;
    esac
}

wanted() {
    echo postfix spamd swaks
    if [ "$purpose" = test ]; then echo python3 opendkim clamd gcc systemd-socket-activate ip lintian promtool redis-server fail2ban-regex pflogsumm; fi
    # Ubuntu has it as a snap only.
    if [ "$purpose" = test ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then echo chromium; fi
    if [ "$purpose" = test ] && have docker; then
        echo debootstrap
        # The plugin of that name does as well.
        docker compose version >/dev/null 2>&1 || echo docker-compose
    fi
}

missing() {
    for program in $(wanted); do
        have "$program" || echo "$program"
    done
    # Without them Go can fetch no module, and a bare container has none.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
}

# check_go explains itself and ends, because nothing here works without Go. A Go
# of 1.21 or later fetches the version that go.mod asks for by itself.
check_go() {
    want=$(sed -n 's/^go \([0-9.]*\)$/\1/p' "$root/go.mod")
    if ! have go; then
        say "Go $want or later is needed, and there is no go in \$PATH."
    elif ! version=$(cd "$root" && go version 2>&1); then
        say "Go $want or later is needed. The go in \$PATH says:"
        say "  $version"
    else
        return 0
    fi
    say "Get it from https://go.dev/dl/ (distributions have older ones), for example"
    say "  wget https://go.dev/dl/go$want.linux-$(dpkg --print-architecture 2>/dev/null || echo amd64).tar.gz"
    say "  rm -rf /usr/local/go; tar -C /usr/local -xzf go$want.linux-*.tar.gz"
    say "  export PATH=\$PATH:/usr/local/go/bin"
    exit 1
}

# ---- whether this machine may be changed -------------------------------------

# port_25_in_use reads the kernel's tables, since a bare system has no ss: local
# port 0019 in state 0A (listening).
port_25_in_use() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk '$4 == "0A" && $2 ~ /:0019$/ { found = 1 } END { exit !found }'
}

# other_mail_server names what is there. Every mail server of the distribution
# provides mail-transport-agent; one that was built by hand has a sendmail.
other_mail_server() {
    dpkg-query -W -f='${db:Status-Status}|${Package}|${Provides}\n' 2>/dev/null |
        awk -F'|' '$1 == "installed" && $2 != "postfix" && $3 ~ /(^|[ ,])mail-transport-agent/ { print "the package " $2; exit }'
    for sendmail in /usr/sbin/sendmail /usr/lib/sendmail; do
        if [ -e "$sendmail" ] && ! dpkg -S "$(readlink -f "$sendmail")" >/dev/null 2>&1; then
            echo "$sendmail, which belongs to no package"
            break
        fi
    done
    if port_25_in_use; then echo "something that listens on port 25"; fi
}

# ---- installing, as root ------------------------------------------------------

forbid_services() {
    restore_policy # of an earlier run that was killed
    if [ -e "$policy" ]; then mv "$policy" "$saved"; fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$marker" >"$policy"
    chmod 755 "$policy"
}

restore_policy() {
    if [ -e "$policy" ] && grep -qF "$marker" "$policy"; then rm -f "$policy"; fi
    if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
}

lists_are_fresh() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ]
}

apt() {
    # shellcheck disable=SC2086 # empty, or a command
    DEBIAN_FRONTEND=noninteractive ${in_session:-} apt-get -q -y --no-remove -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

download() { apt install --no-install-recommends --download-only "$@"; }

# install_as_root gets the names of programs.
install_as_root() {
    trap restore_policy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    forbid_services
    lists_are_fresh || apt update || say "apt-get update failed; trying with the lists there are"
    packages=
    for program in "$@"; do
        packages="$packages $(packages_for "$program")"
        # Without an answer the package would ask, or configure a mail server
        # for this host. We want its programs, and no configuration.
        if [ "$program" = postfix ]; then
            echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
        fi
    done
    # shellcheck disable=SC2086 # a list of words
    download $packages || { apt update && download $packages; }
    # Ctrl-C ends a download, but not dpkg half-way: that would leave packages that
    # are neither installed nor not. In a session of its own it does not hear of it,
    # and we end when it is through.
    # shellcheck disable=SC2086
    in_session="setsid --wait" apt install --no-install-recommends --no-download $packages
    stay_off "$@"
}

# stay_off keeps a service that was installed just now from starting at the next
# boot: a demonstration must not leave a mail server behind.
stay_off() {
    [ -d /run/systemd/system ] || return 0
    for program in "$@"; do
        case $program in
            postfix | spamd | opendkim | redis-server) services=$program ;;
            promtool) services=prometheus ;;
            fail2ban-regex) services=fail2ban ;;
            # freshclam comes along, and would download some hundred MB of signatures.
            clamd) services="clamav-daemon.service clamav-daemon.socket clamav-freshclam.service" ;;
            *) services= ;;
        esac
        for service in $services; do
            if systemctl disable "$service" >/dev/null 2>&1; then
                say "the service $service stays off (systemctl enable $service)"
            fi
        done
    done
}

# ---- the conversation ----------------------------------------------------------

give_up() {
    say "$1"
    if [ -n "${CI:-}" ]; then
        say "in CI a missing program is a failure"
        exit 1
    fi
    case $purpose in
        demo) say "going on with stand-ins" ;;
        *) say "going on: the tests that need them are skipped" ;;
    esac
    exit 0
}

agreed() {
    [ "${YES:-}" != 1 ] && [ -z "${CI:-}" ] && [ -t 0 ] && [ -t 2 ] || return 0
    printf 'install: install them now, with apt-get --no-remove, starting no service? [Y/n] ' >&2
    read -r answer || answer=n
    case $answer in
        '' | y | Y | yes | Yes) return 0 ;;
        *) return 1 ;;
    esac
}

main() {
    check_go
    lacking=$(missing | tr '\n' ' ')
    [ -n "$lacking" ] || exit 0
    say "missing: $lacking"
    if ! have apt-get || ! have dpkg-query; then
        give_up "this is no Debian or Ubuntu: please install them with your package manager"
    fi
    if ! have postfix; then
        there=$(other_mail_server)
        if [ -n "$there" ]; then
            give_up "this machine has a mail server ($(echo "$there" | tr '\n' ';' | sed 's/;$//; s/;/; /g')): nothing is installed or changed"
        fi
    fi
    agreed || give_up "not installed, as you wish"
    set -- "$0" "$purpose" --as-root
    if [ "$(id -u)" = 0 ]; then
        set -- sh "$@"
    elif have sudo; then
        set -- sudo sh "$@"
    else
        give_up "only root can install packages, and there is no sudo: run  $0 $purpose  as root"
    fi
    # shellcheck disable=SC2086 # a list of words
    "$@" $lacking || say "apt-get could not install everything"
    still=$(missing | tr '\n' ' ')
    [ -z "$still" ] || give_up "still missing: $still"
}

if [ "${2:-}" = --as-root ]; then
    shift 2
    install_as_root "$@"
else
    main
fi
