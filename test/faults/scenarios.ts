/** Pairs of states that an apply leads between, for both families. */
export interface Scenario {
  readonly name: string
  readonly before: string
  readonly after: string
}

/** One table: the kernel takes it as a whole. */
const ONE_TABLE: Scenario = {
  name: 'one table',
  before: `*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [3:300]
:OUTPUT ACCEPT [9:900]
:OLD - [0:0]
[5:500] -A INPUT -i lo -j ACCEPT
[6:600] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[1:100] -A INPUT -p udp -j OLD
[4:400] -A OLD -j DROP
COMMIT
`,
  after: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:NEW - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 2222 -j ACCEPT
-A INPUT -p udp -j NEW
-A NEW -j DROP
COMMIT
`,
}

/** Several tables, so that filter is shut in one block and opened in another. */
const SEVERAL_TABLES: Scenario = {
  name: 'several tables',
  before: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[2:200] -A PREROUTING -p tcp -m tcp --dport 80 -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[3:300] -A PREROUTING -p udp -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[4:400] -A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 8081
COMMIT
*filter
:INPUT DROP [1:100]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
[5:500] -A INPUT -i lo -j ACCEPT
[6:600] -A INPUT -p tcp -m tcp --dport 8081 -j ACCEPT
[7:700] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
  after: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 79 -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p udp -j MARK --set-xmark 0x2/0xffffffff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 82 -j REDIRECT --to-ports 8082
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 8082 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
}

export const SCENARIOS: readonly Scenario[] = [ONE_TABLE, SEVERAL_TABLES]

/** Tables without a rule come and go as the back end likes, and mean nothing. */
export function withoutEmptyTables(dump: string): string {
  return dump.replaceAll(/^\*\w+\n(:\w+ ACCEPT \[\d+:\d+\]\n)*COMMIT\n/gm, '')
}
