/**
 * The watchdog where there is no Node: `sh watchdog.sh STATE_DIR TOKEN`, with sh, awk, coreutils and
 * util-linux. What it needs to know is in `undo-TOKEN.sh` beside it (far-undo.ts): assignments, which it
 * keeps in memory.
 *
 * It follows plan/way-back.ts. The chains that the change touched become what they were; what others have
 * added to them since stays behind the same neighbour. Where they are still what the change left, that is
 * done by a batch that was made then, which leaves unchanged rules alone; else by `MERGE`, which fills the
 * chains anew in one step, with the counters of now. What it loads it reads back. Only if that fails three
 * times are the tables loaded as they were.
 *
 * As for the watchdog that is Node: only an explicit word in pending.json stands it down, it counts by
 * /proc/uptime, and it does without the lock when that can not be had within half a minute.
 */

/**
 * Reads, each after a line `#NAME`, what is touched, `iptables-save -c` of before, of what was known and of
 * now, and rules of ours and of others. Prints `same` with the names of what now is equal to; lines `B `,
 * the batch; and lines `E `, what is to be read back.
 */
export const MERGE: string = String.raw`
function keep(part, place, text, counters) {
  n = ++count[part, place]
  line[part, place, n] = text
  number[part, place, n] = counters
}
function target_of(text,   words, total, i) {
  total = split(text, words, " ")
  for (i = 3; i < total; i++) if (words[i] == "-j" || words[i] == "-g") return words[i + 1]
  return ""
}
function differs(part,   k, place, i) {
  for (k = 1; k <= places; k++) {
    place = order[k]
    if (there[part, place] + 0 != there["now", place] + 0) return 1
    if (policy[part, place] != policy["now", place]) return 1
    if (count[part, place] + 0 != count["now", place] + 0) return 1
    for (i = 1; i <= count["now", place]; i++)
      if (line[part, place, i] != line["now", place, i]) return 1
  }
  return 0
}
function moved(place,   i) {
  if (count["before", place] + 0 != count["now", place] + 0) return 1
  for (i = 1; i <= count["now", place]; i++)
    if (line["before", place, i] != line["now", place, i]) return 1
  return 0
}
function merge(place,   i, j, text, at, total, found, bag, back, ours, as_it_was) {
  total = 0
  for (i = 1; i <= count["left", place]; i++) {
    bag[line["left", place, i]]++
    ours[line["left", place, i]] = 1
  }
  for (i = 1; i <= count["now", place]; i++) bag[line["now", place, i]]--
  as_it_was = !listed["now", place] || !moved(place)
  for (i = 1; i <= count["before", place]; i++) {
    text = line["before", place, i]
    if (!as_it_was && theirs[place, text] && bag[text] > 0) { bag[text]--; continue }
    result[place, ++total] = text
    counters[place, total] = number["before", place, i]
    back[text]++
    ours[text] = 1
  }
  at = 1
  for (i = 1; i <= count["now", place]; i++) {
    text = line["now", place, i]
    if (back[text] > 0) {
      back[text]--
      for (found = at; found <= total && result[place, found] != text; found++);
      if (found <= total) { counters[place, found] = number["now", place, i]; at = found + 1 }
    } else if (!(text in ours) && phase == "counting") {
      for (j = total; j >= at; j--) {
        result[place, j + 1] = result[place, j]
        counters[place, j + 1] = counters[place, j]
      }
      total++
      result[place, at] = text
      counters[place, at++] = number["now", place, i]
    }
  }
  size[place] = total
}
/^#[a-z]+$/ { part = substr($0, 2); table = ""; next }
/^#/ || /^$/ || /^COMMIT/ { next }
part == "phase" { phase = $1; next }
part == "touched" {
  place = $1 " " $2
  order[++places] = place
  touched[place] = 1
  builtin[place] = ($3 == "builtin")
  next
}
/^\*/ { table = substr($0, 2); next }
/^:/ {
  place = table " " substr($1, 2)
  there[part, place] = listed[part, place] = 1
  if (touched[place]) { policy[part, place] = $2; tally[part, place] = $3 }
  next
}
{
  text = $0
  packets = "[0:0]"
  if (text ~ /^\[/) { packets = $1; text = substr(text, length($1) + 2) }
  split(text, words, " ")
  place = table " " words[2]
  if (part == "theirs") theirs[place, text] = 1
  else if (touched[place]) keep(part, place, text, packets)
  else if (part == "now" && target_of(text) != "") used[table " " target_of(text)] = 1
}
END {
  split("before known now expected", parts, " ")
  for (p in parts) for (k = 1; k <= places; k++) {
    place = order[k]
    if (builtin[place] && !there[parts[p], place]) {
      there[parts[p], place] = 1
      policy[parts[p], place] = "ACCEPT"
    }
  }
  answer = "same "
  for (p in parts) if (parts[p] != "now" && !differs(parts[p])) answer = answer parts[p] " "
  print answer
  for (k = 1; k <= places; k++) if (there["before", order[k]]) {
    place = order[k]
    merge(place)
    split(place, names, " ")
    # A tool that has removed its chain since does not get back the jump to it.
    for (i = 1; i <= size[place]; i++) {
      to = names[1] " " target_of(result[place, i])
      if (there["before", to] && !there["now", to] && !touched[to]) dropped[place, i] = 1
      else used[to] = 1
    }
  }
  # What others jump to by now stays as it is, and so does what that jumps to.
  do {
    again = 0
    for (k = 1; k <= places; k++) {
      place = order[k]
      if (there["before", place] || !used[place] || stays[place]) continue
      again = stays[place] = 1
      split(place, names, " ")
      for (i = 1; i <= count["now", place]; i++)
        used[names[1] " " target_of(line["now", place, i])] = 1
    }
  } while (again)
  previous = ""
  for (k = 1; k <= places; k++) {
    place = order[k]
    split(place, names, " ")
    if (names[1] != previous) {
      if (previous != "") finish(previous)
      previous = names[1]
      print "B *" previous
      print "E *" previous
    }
    if (there["before", place]) {
      print "B :" names[2] " " policy["before", place] " " tally_of(place)
      print "E :" names[2] " " policy["before", place] " [0:0]"
      if (builtin[place]) print "B -F " names[2]
    } else if (there["now", place]) {
      if (used[place]) for (i = 0; i <= count["now", place]; i++) {
        if (i == 0) print "E :" names[2] " - [0:0]"
        else print "E " line["now", place, i]
      } else print "B -F " names[2]
    }
  }
  if (previous != "") finish(previous)
}
function tally_of(place) {
  return tally["before", place] == "" ? "[0:0]" : tally["before", place]
}
function finish(table,   k, i, place, names) {
  for (k = 1; k <= places; k++) {
    place = order[k]
    split(place, names, " ")
    if (names[1] != table || !there["before", place]) continue
    for (i = 1; i <= size[place]; i++) if (!dropped[place, i]) {
      print "B " counters[place, i] " " result[place, i]
      print "E " result[place, i]
    }
  }
  for (k = 1; k <= places; k++) {
    place = order[k]
    split(place, names, " ")
    if (names[1] == table && !there["before", place] && there["now", place] && !used[place])
      print "B -X " names[2]
  }
  print "B COMMIT"
  print "E COMMIT"
}
`

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
