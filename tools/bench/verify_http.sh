#!/bin/sh
# Verify-by-code through the real xinyind (--only=verify, log on) against nginx serving a static file of
# the same size (access log on, buffered), in one run, 64 connections, same two or more cores.
# Usage: tools/bench/verify_http.sh [BUILD_DIR] [CONNECTIONS] [SECONDS] [ROUNDS] [DOCUMENTS]
# Prints each round and the ratio of the medians; exits 1 when the ratio is below 1.0
# (performance goal; XINYIN_BENCH_LEAST sets another).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release} connections=${2:-64} seconds=${3:-4} rounds=${4:-3} documents=${5:-100000}
least=${XINYIN_BENCH_LEAST:-1.0}
port=18410 nginx_port=18411
for program in wrk nginx curl openssl; do
  command -v "$program" >/dev/null || { echo "missing: $program (apt-get install wrk nginx-light curl openssl)" >&2; exit 1; }
done
for program in xinyind verify_stage; do
  [ -x "$build/bin/$program" ] || { echo "missing: $build/bin/$program (ninja -C $build $program)" >&2; exit 1; }
done
work=$(mktemp -d) && chmod 755 "$work"
"$root/tests/support/cluster" start "$build" >/dev/null
mkfifo "$work/hold" "$work/said"
"$build/bin/verify_stage" "$work/stage" $port "$documents" < "$work/hold" > "$work/said" & stage=$!
exec 3> "$work/hold"
service=
clean() {
  [ -n "$service" ] && kill "$service" 2>/dev/null && wait "$service" 2>/dev/null
  [ -f "$work/pid" ] && kill "$(cat "$work/pid")" 2>/dev/null
  exec 3>&-
  wait "$stage" 2>/dev/null
  rm -rf "$work"
}
trap clean EXIT
echo "registering $documents documents"
read -r said < "$work/said"
[ "$said" = ready ] || exit 1
"$build/bin/xinyind" --config "$work/stage/xinyind.conf" --only=verify & service=$!
for i in $(seq 100); do
  curl -fsS "http://127.0.0.1:$port/metrics" 2>/dev/null | grep -q "^xinyin_snapshot_documents $documents\$" && break
  sleep 0.2
done
code=$(head -1 "$work/stage/codes.txt")
mkdir "$work/www"
curl -fsS "http://127.0.0.1:$port/v1/verify/$code" -o "$work/www/body.json" ||
  { tail -5 "$work/stage/xinyind.log" >&2; exit 1; }
cat > "$work/nginx.conf" <<CONF
worker_processes auto; pid $work/pid; error_log $work/error.log; daemon on;
events { worker_connections 4096; }
http { access_log $work/access.log combined buffer=64k flush=1s; sendfile on; tcp_nopush on;
  keepalive_requests 100000000; types { application/json json; }
  server { listen 127.0.0.1:$nginx_port backlog=4096; root $work/www; } }
CONF
nginx -c "$work/nginx.conf"
curl -fsS "http://127.0.0.1:$nginx_port/body.json" | cmp -s - "$work/www/body.json"
# A thousand codes in turn; nginx gets as many addresses, all of the one file, at the same cost to wrk.
awk -v q="'" 'BEGIN{print "local codes = {"} {print "\"" $1 "\","} END{print "}\nlocal i = math.random(#codes)\nrequest = function() i = i % #codes + 1\n return wrk.format(nil, prefix .. codes[i]) end"}' \
  "$work/stage/codes.txt" > "$work/codes.lua"
(echo 'prefix = "/v1/verify/"'; cat "$work/codes.lua") > "$work/ours.lua"
(echo 'prefix = "/body.json?"'; cat "$work/codes.lua") > "$work/theirs.lua"
run() { wrk -t2 -c"$connections" -d"${seconds}s" --latency "$@" > "$work/wrk.out"
  grep -q "Non-2xx" "$work/wrk.out" && { cat "$work/wrk.out" >&2; exit 1; }
  awk '/Requests\/sec/{r=$2} /99%/{p=$2} END{print r, p}' "$work/wrk.out"; }
median() { sort -n "$1" | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
openssl speed -seconds 1 ecdsap256 2>/dev/null | awk '/nistp256/{print "calibration: openssl P-256 " $(NF-1) " sign/s, " $NF " verify/s"}'
echo "body $(wc -c < "$work/www/body.json") bytes, $connections connections, $documents documents"
url="http://127.0.0.1:$port/v1/verify/$code" static="http://127.0.0.1:$nginx_port/body.json"
run "$url" > /dev/null; run "$static" > /dev/null
for round in $(seq "$rounds"); do
  one=$(run "$url") file=$(run "$static")
  many=$(run -s "$work/ours.lua" "http://127.0.0.1:$port") manyfile=$(run -s "$work/theirs.lua" "http://127.0.0.1:$nginx_port")
  echo "round $round: one code $one | nginx $file || 1000 codes $many | nginx $manyfile   (requests/s, p99)"
  for name in one file many manyfile; do eval "echo \"\$$name\"" >> "$work/$name"; done
done
# CPU a request says more than rates on a busy machine.
cpu() { cat "$@" | awk '{t+=$14+$15} END{print t}'; }
spent() { name=$1; shift; target=$1; shift
  before=$(cpu "$@"); served=$(run "$target"); after=$(cpu "$@")
  echo "$served" | awk -v n="$name" -v t="$((after-before))" -v s="$seconds" -v hz="$(getconf CLK_TCK)" '{printf "CPU a request: %s %.1f us\n", n, t/hz*1e6/($1*s)}'; }
spent xinyind "$url" "/proc/$service/stat"
spent nginx "$static" $(ps -o pid= --ppid "$(cat "$work/pid")" | sed 's, *\([0-9]*\),/proc/\1/stat,')
awk -v a="$(median "$work/one")" -v b="$(median "$work/file")" -v c="$(median "$work/many")" -v d="$(median "$work/manyfile")" -v least="$least" \
  'BEGIN{printf "ratio: one known code %.2f, a thousand known codes %.2f of nginx static (at least %.2f)\n", a/b, c/d, least; exit !(a/b >= least && c/d >= least)}'
