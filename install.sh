#!/bin/sh
# Makes a virtual environment in .venv and installs Housecat into it; run it again at any time.
#
#   ./install.sh        what a user needs
#   ./install.sh dev    and what tests and checks need
#   ./install.sh locked, ./install.sh oldest    the same in the versions of requirements.lock, with their hashes checked
#                       (for Python 3.11 on x86-64), or in the oldest ones that are allowed: what CI does
#
# PYTHON is the interpreter to build on (python3), VENV the folder to make (.venv).
set -eu
cd "$(dirname "$0")"
mode="${1:-user}"
python="${PYTHON:-python3}"
venv="${VENV:-.venv}"
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "install.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

case "$mode" in
    user) target="." ;;
    dev | locked | oldest) target=".[dev]" ;;
    *) fail "expected nothing, dev, locked or oldest, got '$mode'" ;;
esac

# Nothing to do if the same project file was installed here before (for users everything that developers get will do).
state="$(cat pyproject.toml requirements.* | cksum) $PWD"
stamp="$venv/housecat-installed"
if "$venv/bin/housecat" --version > /dev/null 2>&1; then
    case "$(cat "$stamp" 2> /dev/null)" in
        "$mode $state" | "dev $state") say "all is installed in $venv"; exit 0 ;;
    esac
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed: PYTHON=python3.12 ./install.sh, or apt-get install python3"

# System packages: the venv module, the OpenGL libraries that MuJoCo renders with, and a browser for the tests.
missing=""
"$python" -c 'import ensurepip, venv' 2> /dev/null || missing="python3-venv"
[ "$mode" != dev ] && [ "$mode" != locked ] || command -v chromium > /dev/null || missing="$missing chromium"
for package in libegl1 libgl1 libgl1-mesa-dri; do
    dpkg -s "$package" > /dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ] && command -v apt-get > /dev/null; then
    root=""
    [ "$(id -u)" = 0 ] || root="sudo"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # both are lists of words
    $root apt-get update -q && $root apt-get install -q -y --no-install-recommends $missing ||
        say "apt-get could not install$missing; going on without"
fi

"$venv/bin/python" -m pip --version > /dev/null 2>&1 || "$python" -m venv --clear "$venv" ||
    fail "no virtual environment could be made: apt-get install -y python3-venv"
pip="$venv/bin/python -m pip"

# PyPI's torch for Linux brings CUDA along, gigabytes that a machine without a graphics card has no use for.
torch="torch>=2.6"
usual="torch==2.13.0"
case "$mode" in
    locked)  # its lines of the lock file, where the hashes are
        sed -n '/^torch==/,/[^\\]$/p' requirements.lock > "$venv/torch.lock"
        torch="--no-deps --require-hashes -r $venv/torch.lock"
        usual="$torch" ;;
    oldest)
        torch="torch==2.6.0"
        usual="-c requirements.oldest $torch" ;;
esac
if ! $pip show -q torch 2> /dev/null; then
    # shellcheck disable=SC2086  # these are lists of words
    if [ "$mode" != locked ] && nvidia-smi -L > /dev/null 2>&1; then
        $pip install $torch
    else
        $pip install --index-url https://download.pytorch.org/whl/cpu --retries 0 --timeout 10 $torch || {
            say "PyTorch's own index of CPU builds cannot be reached: taking torch from the usual index"
            $pip install $usual
        }
    fi
fi

# Editable: what runs is what stands here, also after the next `git pull`.
case "$mode" in
    locked)
        $pip install --no-deps --require-hashes -r requirements.lock
        $pip install --no-deps --no-build-isolation -e . ;;
    oldest) $pip install -c requirements.oldest -e "$target" ;;
    *) $pip install -e "$target" ;;
esac
echo "$mode $state" > "$stamp"
say "done: $venv/bin/housecat"
