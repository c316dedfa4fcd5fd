#!/usr/bin/env bash
# ./build.sh demo | test [filter] | bench | pack | format | docs | picture
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# leaving build servers behind would hold memory and, in a pipe, the caller
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false

need_dotnet() {
    command -v dotnet >/dev/null || { echo "The .NET 10 SDK is needed: https://dot.net/download" >&2; exit 1; }
}

# what some tests need; without it they skip
system_needs() {
    local missing=()
    [[ "$(uname -s)" == Linux ]] && command -v dpkg >/dev/null || return 0
    command -v chromium >/dev/null || missing+=(chromium)
    dpkg -s libonnx-testdata >/dev/null 2>&1 || missing+=(libonnx-testdata)
    [[ ${#missing[@]} -eq 0 ]] && return 0
    if [[ $EUID -eq 0 ]]; then
        echo "Installing ${missing[*]} for the tests."
        if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } </dev/null >/dev/null 2>&1; then
            return 0
        fi
    fi
    echo "Some tests will skip. To run them: apt-get install ${missing[*]}"
}

run_demo() {
    dotnet build src/Halftone.Cli/Halftone.Cli.csproj -c Release -v quiet -clp:NoSummary
    dotnet artifacts/bin/Halftone.Cli/release/halftone.dll demo "$@"
}

run_tests() {
    local filter="${1:-}" results="artifacts/test-results" arguments=() name code
    [[ -n "$filter" ]] && arguments=(-method "*$filter*")
    system_needs
    dotnet build Halftone.slnx -c Release -v quiet
    rm -rf "$results"
    mkdir -p "$results"
    for project in tests/*.Tests/*.Tests.csproj; do
        name="$(basename "$project" .csproj)"
        echo "== $name"
        code=0
        "artifacts/bin/$name/release/$name" ${arguments[@]+"${arguments[@]}"} -noColor -noLogo -result-trx "$results/$name.trx" </dev/null || code=$?
        # the summary compares it with the results: a crash leaves none, or a code that no failed test explains
        echo "$name $code" >>"$results/projects.txt"
    done
    dotnet run build/TestSummary.cs -- "$results"
}

run_pack() {
    rm -rf artifacts/package
    for project in Core Onnx Data OnnxRuntime PostTraining Reports Cli; do
        dotnet pack "src/Halftone.$project/Halftone.$project.csproj" -c Release -v quiet
    done
    ls -l artifacts/package/release
}

# the README's picture: the report of the residual sample, as a browser shows it
run_picture() {
    local out
    command -v chromium >/dev/null || { echo "The picture needs Chromium: apt-get install chromium" >&2; exit 1; }
    out="$(mktemp -d)"
    dotnet build src/Halftone.Cli/Halftone.Cli.csproj -c Release -v quiet
    dotnet artifacts/bin/Halftone.Cli/release/halftone.dll quantize samples/fashion_resnet.onnx --recipe ort-int8 --preprocess samples/preprocessing.json \
        --data samples/fashion-mnist/calib-images-idx3-ubyte.gz --measure samples/fashion-mnist/test-images-idx3-ubyte.gz -o "$out"
    mkdir -p docs/images
    chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$out/chromium" --window-size=1160,1180 \
        --screenshot="$PWD/docs/images/report.png" "file://$out/report.html" 2>/dev/null
    rm -rf "$out"
    ls -l docs/images/report.png
}

need_dotnet
command="${1:-}"
shift || true
case "$command" in
    demo) run_demo "$@" ;;
    test) run_tests "$@" ;;
    bench)
        compgen -G 'bench/*/*.csproj' >/dev/null || { echo "There are no benchmarks in bench/ yet." >&2; exit 1; }
        for project in bench/*/*.csproj; do dotnet run -c Release --project "$project" -- "$@"; done
        ;;
    pack) run_pack ;;
    format) dotnet format Halftone.slnx "$@" ;;
    docs)
        dotnet build src/Halftone.Cli/Halftone.Cli.csproj -c Release -v quiet -clp:NoSummary
        dotnet artifacts/bin/Halftone.Cli/release/halftone.dll docs docs
        ;;
    picture) run_picture ;;
    *)
        echo "usage: ./build.sh demo | test [filter] | bench | pack | format | docs | picture" >&2
        exit 1
        ;;
esac
