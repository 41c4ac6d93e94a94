#!/bin/sh
# Upload a file with nothing but curl, and go on after cuts from what is stored: sh upload.sh http://127.0.0.1:8080 a.mp4
set -eu
if [ $# -ne 2 ]; then echo "Usage: sh $0 URL FILE" >&2; exit 1; fi
server=${1%/} file=$2

size=$(wc -c <"$file")
name=$(basename "$file" | tr -d '\n' | base64 | tr -d '\n')
tus='Tus-Resumable: 1.0.0'

# The value of a header field in the answer on standard input.
field() { tr -d '\r' | sed -n "s/^$1: *//Ip"; }

path=$(curl -sSD - -o /dev/null --retry 5 -X POST "$server/files/" -H "$tus" \
  -H "Upload-Length: $size" -H "Upload-Metadata: filename $name" | field Location)
if [ -z "$path" ]; then echo "no upload could be made at $server/files/: check the address" >&2; exit 1; fi

tries=0
while [ "$tries" -lt 60 ]; do
  tries=$((tries + 1))
  offset=$(curl -sSI "$server$path" -H "$tus" | field Upload-Offset)
  if [ -z "$offset" ]; then sleep 1; continue; fi
  if [ "$offset" -eq "$size" ]; then echo "$server$path"; exit 0; fi
  # -C makes curl begin there; what it says about that in Content-Range is not needed.
  curl -sS -o /dev/null -X PATCH -T "$file" -C "$offset" "$server$path" -H "$tus" -H "Upload-Offset: $offset" \
    -H 'Content-Type: application/offset+octet-stream' -H 'Content-Range:' || sleep 1
done
echo "gave up; $offset of $size bytes are stored at $server$path" >&2
exit 75
