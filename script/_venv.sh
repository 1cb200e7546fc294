# Sourced by the scripts beside it, in the checkout's folder: `make_venv REQUIREMENTS` sees to a virtual environment
# with exactly those packages and leaves its Python in $python. Pip runs only when the requirements have changed.

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

find_python() {
    for name in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    fail "Docent needs Python 3.11 or newer with its venv module, and none was found. Install one (Debian, Ubuntu:
apt install python3 python3-venv) or name it: PYTHON=/path/to/python3.13 $0"
}

# In the checkout, or in the user's state folder when the checkout cannot be written.
venv_folder() {
    if [ -w . ] && { [ ! -e .venv ] || [ -w .venv ]; }; then
        printf '%s\n' "$PWD/.venv"
    else
        key=$(printf '%s' "$PWD" | cksum | cut -d ' ' -f 1)
        printf '%s\n' "${XDG_STATE_HOME:-$HOME/.local/state}/docent/$key/venv"
    fi
}

make_venv() {
    venv=$(venv_folder)
    python=$venv/bin/python
    # Written last, so that an environment whose making was interrupted has none.
    stamp=$venv/.installed
    sums=$(cat requirements.txt requirements-local.txt requirements-dev.txt | cksum)
    if "$python" -c '' 2>/dev/null && { is_installed "$1" || is_installed requirements-dev.txt; }; then
        return
    fi
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        base=$(find_python) || exit 1
        say "Making a virtual environment in $venv"
        "$base" -m venv --clear "$venv" || fail "The virtual environment could not be made in $venv."
    fi
    rm -f "$stamp"
    say "Installing $1 (the first time takes a minute or two)"
    "$python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r "$1" ||
        fail "The packages could not be installed; pip says why above. Mend that and run $0 again, or remove $venv first."
    printf '%s\n' "$1 $sums" >"$stamp"
}

# requirements-dev.txt holds everything that the others hold.
is_installed() { [ "$(cat "$stamp" 2>/dev/null)" = "$1 $sums" ]; }
