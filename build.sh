#!/usr/bin/env bash
# ./build.sh demo | test [filter] | bench [engine ...] | arm64 | pack | format | docs | leaderboard | picture
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

# the kernels' tests on an emulated Arm64 processor that has dot products; Debian's libraries for it go to artifacts/arm64, the system's stay as they are
run_arm64() {
    local out="$PWD/artifacts/arm64" options
    if ! command -v qemu-aarch64-static >/dev/null; then
        [[ $EUID -eq 0 ]] || { echo "qemu is needed: apt-get install qemu-user-static" >&2; exit 1; }
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static >/dev/null
    fi
    if [[ ! -e "$out/root/lib/ld-linux-aarch64.so.1" ]]; then
        mkdir -p "$out/lists/partial" "$out/packages"
        options="-qq -oAPT::Architecture=arm64 -oAPT::Architectures=arm64 -oDir::State::Lists=$out/lists -oAPT::Sandbox::User=root"
        # shellcheck disable=SC2086
        (cd "$out/packages" && apt-get $options update && apt-get $options download libc6 libgcc-s1 libstdc++6 libssl3 zlib1g)
        for package in "$out"/packages/*.deb; do dpkg -x "$package" "$out/root"; done
    fi
    dotnet publish tests/Halftone.Engine.Tests -c Release -r linux-arm64 --self-contained -o "$out/tests" -v quiet -clp:NoSummary
    # what qemu's user mode does not take from .NET: two views of code pages, code that changes under it, a collector beside the program
    DOTNET_EnableWriteXorExecute=0 DOTNET_TieredCompilation=0 DOTNET_gcConcurrent=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 \
        qemu-aarch64-static -cpu neoverse-n1 -L "$out/root" "$out/tests/Halftone.Engine.Tests" -noColor -noLogo -namespace Halftone.Engine.Kernels -parallelMode none </dev/null
}

# accuracy bars that take minutes a network; they skip without the development data
run_long_comparisons() {
    dotnet build tests/Halftone.PostTraining.Tests/Halftone.PostTraining.Tests.csproj -c Release -v quiet
    artifacts/bin/Halftone.PostTraining.Tests/release/Halftone.PostTraining.Tests -noColor -noLogo -explicit only -diagnostics -parallelMode none
}

run_pack() {
    rm -rf artifacts/package
    for project in Core Onnx Engine Data OnnxRuntime PostTraining Reports Cli; do
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

# docs/leaderboard.md: every recipe on the two bundled networks, with the commands that give the tables; what was stopped goes on
run_leaderboard() {
    local out="artifacts/leaderboard" page="docs/leaderboard.md" model command
    dotnet build src/Halftone.Cli/Halftone.Cli.csproj -c Release -v quiet -clp:NoSummary
    {
        printf '# Leaderboard\n\nGenerated by `./build.sh leaderboard`; do not edit. Every recipe that ships with Halftone on the two bundled networks, none of them trained again.\n'
        printf 'Differences to float are of the same images, with the standard error of the pairs; deployed bytes are those of the ONNX file, coded bytes those that `halftone pack` makes of it\n'
        printf '([numbers](formats.md)). "engine" is the share of 64 samples for which Halftone'"'"'s own engine has the same largest output as ONNX Runtime, where "no" is a model that it does not run. Seconds are those of choosing and quantizing, without the calibration that recipes share, on %s.\n' "$(grep -m1 'model name' /proc/cpuinfo 2>/dev/null | sed 's/.*: //' || uname -m)"
    } >"$page.part"
    for model in fashion_resnet fashion_mobilenet; do
        command="leaderboard samples/$model.onnx --data samples/fashion-mnist --preprocess samples/preprocessing.json -o $out/$model"
        # shellcheck disable=SC2086
        dotnet artifacts/bin/Halftone.Cli/release/halftone.dll $command "$@"
        { printf '\n## %s\n\n    halftone %s\n\n' "$model" "$command${*:+ $*}"; cat "$out/$model/leaderboard.md"; } >>"$page.part"
    done
    mv "$page.part" "$page"
}

need_dotnet
command="${1:-}"
shift || true
case "$command" in
    demo) run_demo "$@" ;;
    test) run_tests "$@" ;;
    bench)
        # bench engine [models|layers|gemm|int4|all] [--threads 1,2] ...: the engine's alone, which also says what it takes
        if [[ "${1:-}" == engine ]]; then
            shift
            dotnet run -c Release --project bench/Halftone.Engine.Bench -- "$@"
            exit
        fi
        missed=0 # a benchmark that misses a bar says so and ends with 1; the others run all the same
        for project in bench/*/*.csproj; do dotnet run -c Release --project "$project" -- "$@" || missed=1; done
        run_long_comparisons
        exit "$missed"
        ;;
    arm64) run_arm64 ;;
    pack) run_pack ;;
    format) dotnet format Halftone.slnx "$@" ;;
    docs)
        dotnet build src/Halftone.Cli/Halftone.Cli.csproj -c Release -v quiet -clp:NoSummary
        dotnet artifacts/bin/Halftone.Cli/release/halftone.dll docs docs
        ;;
    leaderboard) run_leaderboard "$@" ;;
    picture) run_picture ;;
    *)
        echo "usage: ./build.sh demo | test [filter] | bench [engine ...] | arm64 | pack | format | docs | leaderboard | picture" >&2
        exit 1
        ;;
esac
