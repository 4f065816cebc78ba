/** The merge of plan/way-back.ts as a program of awk, for the watchdog without Node. */

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
