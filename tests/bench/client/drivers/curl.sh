#!/bin/sh
# curl with everything that its manual offers for bad links, and the resumption that it has not by itself:
# sh curl.sh URL FILE STATE TOKEN-FILE
set -u
server=$1 file=$2 state=$3 token=$4
size=$(wc -c <"$file")
name=$(basename "$file" | tr -d '\n' | base64 | tr -d '\n')
tus='Tus-Resumable: 1.0.0'

# --speed-limit and --speed-time end what stands still, --retry repeats what curl calls transient. The token is read for
# every request, as a careful script would.
ask() { curl -sS --connect-timeout 10 --speed-limit 1 --speed-time 15 -H "$tus" \
  -H "Authorization: Bearer $(cat "$token")" "$@"; }
field() { tr -d '\r' | sed -n "s/^$1: *//Ip"; }

until [ -s "$state" ]; do
  path=$(ask -D - -o /dev/null --retry 5 -X POST "$server/files/" -H "Upload-Length: $size" \
    -H "Upload-Metadata: filename $name" | field Location)
  if [ -n "$path" ]; then echo "$path" >"$state"; else sleep 1; fi
done
path=$(cat "$state")
case $path in http*) url=$path ;; *) url=$server$path ;; esac

began=$(date +%s)
while [ $(($(date +%s) - began)) -lt 900 ]; do
  offset=$(ask -I --retry 5 "$url" | field Upload-Offset)
  if [ -z "$offset" ]; then sleep 1; continue; fi
  if [ "$offset" -eq "$size" ]; then exit 0; fi
  # -C makes curl begin there; what it says about that in Content-Range is not needed.
  ask --fail -o /dev/null -X PATCH -T "$file" -C "$offset" "$url" -H "Upload-Offset: $offset" \
    -H 'Content-Type: application/offset+octet-stream' -H 'Content-Range:' -H 'Expect:' || sleep 1
done
exit 75
