/**
 * The watchdog where there is no Node: `sh watchdog.sh STATE_DIR TOKEN`, with sh, awk, coreutils and
 * util-linux. What it needs to know is in `undo-TOKEN.sh` beside it (far-undo.ts): assignments, which it
 * keeps in memory.
 *
 * It follows plan/way-back.ts. The chains that the change touched become what they were; what others have
 * added to them since stays behind the same neighbour. Where they are still what the change left, that is
 * done by a batch that was made then, which leaves unchanged rules alone; else by `MERGE` (far-merge-script.ts), which fills the
 * chains anew in one step, with the counters of now. What it loads it reads back. Only if that fails three
 * times are the tables loaded as they were.
 *
 * As for the watchdog that is Node: only an explicit word in pending.json stands it down, it counts by
 * /proc/uptime, and it does without the lock when that can not be had within half a minute.
 */
import { MERGE } from './far-merge-script.ts'

const MAIN = String.raw`
umask 077
trap '' HUP INT PIPE
state=$1 token=$2
seen= due=0
outcome_exact='nobody confirmed it in time'
outcome_whole="$outcome_exact; whole tables were loaded from the snapshot"

# 0: it is for us to go on; 1: somebody has decided.
look() {
  version=$(stat -c '%i %y %s' "$state/pending.json" 2> /dev/null)
  [ "$version" = "$seen" ] && return 0
  text=$(cat "$state/pending.json" 2> /dev/null)
  field() { printf '%s\n' "$text" | grep -o "\"$1\": *[^,}]*" | head -n 1 | tr -d '" ' | cut -d: -f2; }
  found=$(field token)
  # Damaged or gone: nobody has confirmed anything.
  [ -n "$found" ] || return 0
  [ "$found" = "$token" ] && [ "$(field state)" = pending ] || return 1
  seconds=$(field seconds | cut -d. -f1)
  [ -n "$seconds" ] && due=$((seconds + 1))
  known=$(cat "$state/undo-$token.sh" 2> /dev/null) && [ -n "$known" ] && undo=$known
  seen=$version
}

wait_until_due() {
  while :; do
    look || return 1
    left=$((due - $(cut -d. -f1 /proc/uptime)))
    [ "$left" -le 0 ] && return 0
    [ "$left" -gt 10 ] && left=10
    sleep "$left"
  done
}

examine() {
  printf '%s\n' '#phase' "$phase" '#touched' "$touched" '#theirs' "$theirs" '#left' "$left_by_us" \
    '#before' "$before" '#known' "$known_then" '#expected' "$2" '#now' "$1" | awk "$merge"
}

load() { enter "$restore" "$@" --counters --wait 10 > /dev/null 2>&1; }

go_back() {
  attempt=0
  while [ "$attempt" -lt 3 ]; do
    attempt=$((attempt + 1))
    now=$(enter "$save" -c 2> /dev/null) || return 1
    answer=$(examine "$now" '') || break
    case $answer in 'same '*'before '*) return 0 ;; esac
    case $answer in
    'same '*'known '*)
      if [ -n "$exact" ] && printf '%s\n' "$exact" | load --noflush; then
        now=$(enter "$save" -c 2> /dev/null) || continue
        answer=$(examine "$now" '')
        case $answer in 'same '*'before '*) return 0 ;; esac
      fi ;;
    esac
    printf '%s\n' "$answer" | sed -n 's/^B //p' | load --noflush || continue
    expected=$(printf '%s\n' "$answer" | sed -n 's/^E //p')
    now=$(enter "$save" -c 2> /dev/null) || continue
    case $(examine "$now" "$expected") in 'same '*'expected '*) return 0 ;; esac
  done
  outcome="$outcome_whole"
  printf '%s\n' "$before" | load
}

settle() {
  body=$(printf '%s' "$settled" | sed "s/@OUTCOME-$token@/$1/; s/@ENDED-$token@/$(date -u +%Y-%m-%dT%H:%M:%S.000Z)/")
  digest=$(printf '%s}' "$body" | sha256sum | cut -c 1-64)
  temporary=$state/pending.json.$$.tmp
  printf '%s,"digest":"sha256:%s"}\n' "$body" "$digest" > "$temporary" && sync "$temporary" &&
    mv -fT "$temporary" "$state/pending.json" && sync "$state"
  grep -q "\"token\": *\"$token\"" "$state/journal.json" 2> /dev/null && rm -f "$state/journal.json"
  return 0
}

# Under the lock. 0: nothing is left to do.
roll_back() {
  wait_until_due || return 0
  eval "$undo"
  found=$(cat /proc/sys/kernel/random/boot_id) || return 1
  network=$(enter readlink /proc/self/ns/net 2> /dev/null)
  if [ "$found $network" != "$kernel" ]; then
    [ -z "$network" ] && [ "$attempts" -lt 2 ] && return 1
    settle 'the network namespace is gone'
    return 0
  fi
  outcome=$outcome_exact
  fill_sets
  failed=0
  for family in $families; do
    "load_$family"
    go_back || failed=1
  done
  [ "$failed" -eq 0 ] || return 1
  drop_sets
  settle "$outcome"
}

main() {
  { echo -1000 > /proc/self/oom_score_adj; } 2> /dev/null
  undo=$(cat "$state/undo-$token.sh") || exit 1
  look && [ "$due" -gt 0 ] || exit 0
  printf '%s %s\n' "$token" "$$" > "$state/watchdog.pid.$$.tmp" &&
    mv -f "$state/watchdog.pid.$$.tmp" "$state/watchdog.pid" || exit 1
  wait_until_due && attempts=0 && while [ "$attempts" -lt 120 ]; do
    (
      if [ -f "$state/lock" ]; then
        exec 9< "$state/lock"
        flock -w 30 9
      fi
      roll_back
    ) && break
    attempts=$((attempts + 1))
    if [ "$attempts" -lt 4 ]; then sleep "$attempts"; else sleep 30; fi
  done
  rm -f "$state/undo-$token.sh"
}
main
exit`

/** The whole of it is read before any of it is run. */
export const WATCHDOG_SCRIPT: string = `{\nmerge=${quoted(MERGE)}\n${MAIN.trim()}\n}\n`

/** As a word of sh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
