#!/bin/sh
# The HTTP server's own cost against nginx serving a static file of the same size, in one run.
# Usage: tools/bench/http_floor.sh [BUILD_DIR] [CONNECTIONS] [SECONDS] [ROUNDS]
# Prints requests a second of both, round by round, and the ratio of the medians.
set -eu
build=${1:-build/release} connections=${2:-64} seconds=${3:-4} rounds=${4:-3}
port=18400 nginx_port=18401
for program in wrk nginx curl; do
  command -v "$program" >/dev/null || { echo "missing: $program (apt-get install wrk nginx-light curl)" >&2; exit 1; }
done
work=$(mktemp -d) && chmod 755 "$work"
"$build/bin/http_floor" $port & floor=$!
trap 'kill $floor 2>/dev/null; [ -f "$work/pid" ] && kill "$(cat "$work/pid")" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
python3 -c "print('{\"pad\":\"'+'x'*1012+'\"}')" > "$work/body.json"
cat > "$work/nginx.conf" <<CONF
worker_processes auto; pid $work/pid; error_log $work/error.log; daemon on;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; types { application/json json; }
  server { listen 127.0.0.1:$nginx_port backlog=4096; root $work; } }
CONF
nginx -c "$work/nginx.conf"
for i in 1 2 3 4 5 6 7 8 9 10; do
  curl -fsS "http://127.0.0.1:$port/" -o "$work/a" 2>/dev/null && break
  sleep 0.1
done
curl -fsS "http://127.0.0.1:$nginx_port/body.json" -o "$work/b"
[ "$(wc -c < "$work/a")" = "$(wc -c < "$work/b")" ] || { echo "bodies differ in size" >&2; exit 1; }
rate() { wrk -t2 -c"$connections" -d"${seconds}s" --latency "$1" | tee -a "$work/wrk.log" | awk '/Requests\/sec/{print $2}'; }
rate "http://127.0.0.1:$port/" >/dev/null
for round in $(seq "$rounds"); do
  ours=$(rate "http://127.0.0.1:$port/") theirs=$(rate "http://127.0.0.1:$nginx_port/body.json")
  echo "round $round: http_floor $ours/s nginx static $theirs/s"
  echo "$ours" >> "$work/ours"; echo "$theirs" >> "$work/theirs"
done
median() { sort -n "$1" | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
awk -v a="$(median "$work/ours")" -v b="$(median "$work/theirs")" \
  'BEGIN{printf "median: http_floor %.0f/s, nginx static %.0f/s, ratio %.2f\n", a, b, a/b}'
