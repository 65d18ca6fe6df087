# SPDX-License-Identifier: MIT
# For the scripts next to it: say() announces the next step, and watch() runs commands that take long and print pages.

watch_plain=20  # seconds between lines without a terminal

on_terminal() { [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; }
say() { if on_terminal; then printf '\033[1m==> %s\033[0m\n' "$*"; else printf '==> %s\n' "$*"; fi; }

# watch COMMAND...: runs it with its output kept in a file, and shows its running time and its latest line (in a build,
# ninja's [n/m]): in place on a terminal, otherwise on a new line now and then. If it fails, the end of its output
# follows, and the name of the file with all of it.
watch() {
  local log watcher status=0
  log=$(mktemp "${TMPDIR:-/tmp}/spikemix-XXXXXX.log")
  # The command runs in the foreground and the watcher in the background: Ctrl-C ends the command, whose status is kept.
  watch_log "$log" $$ &
  watcher=$!
  trap "kill $watcher 2>/dev/null || true" EXIT
  "$@" >"$log" 2>&1 </dev/null || status=$?
  trap - EXIT
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  if on_terminal; then printf '\r\033[K'; fi
  if [ "$status" != 0 ]; then
    tail -n 60 "$log"
    printf 'all of that: %s\n' "$log" >&2
    return "$status"
  fi
  rm -f "$log"
}

# watch_log LOG PID: runs until it is killed, or the script PID is gone.
watch_log() {
  local begun=$SECONDS said=$SECONDS elapsed line
  while sleep 1 && kill -0 "$2" 2>/dev/null; do
    elapsed=$(printf '%d:%02d' $(((SECONDS - begun) / 60)) $(((SECONDS - begun) % 60)))
    line=$(watch_last "$1")
    if on_terminal; then
      line="  $elapsed  $line"
      printf '\r\033[K%s' "${line:0:$(($(tput cols 2>/dev/null || echo 80) - 1))}"
    elif [ $((SECONDS - said)) -ge "$watch_plain" ]; then
      printf '    %s  %s\n' "$elapsed" "${line:0:110}"
      said=$SECONDS
    fi
  done
}

# The last line that counts steps, otherwise the last line.
watch_last() {
  tail -c 20000 "$1" | tr '\r' '\n' | tr -cd '[:print:]\n' |
    awk 'NF { last = $0 } /^\[[0-9]+\/[0-9]+\]/ { step = $0 } END { print step != "" ? step : last }'
}
