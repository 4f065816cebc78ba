// Calls go-iptables as a program that uses it does, one call for each rule.
//
//	rules append|exists RULES TABLE
//
// A line of RULES is a chain and the words of a rule, with tabs between them.
package main

import (
	"log"
	"os"
	"strings"

	"github.com/coreos/go-iptables/iptables"
)

func main() {
	action, path, table := os.Args[1], os.Args[2], os.Args[3]
	text, err := os.ReadFile(path)
	check(err)
	ipt, err := iptables.New()
	check(err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if action == "append" {
		makeChains(ipt, table, lines)
	}
	for _, line := range lines {
		words := strings.Split(line, "\t")
		chain, rule := words[0], words[1:]
		if action == "append" {
			check(ipt.Append(table, chain, rule...))
			continue
		}
		found, err := ipt.Exists(table, chain, rule...)
		check(err)
		if !found {
			log.Fatalf("missing: %s", line)
		}
	}
}

func makeChains(ipt *iptables.IPTables, table string, lines []string) {
	known, err := ipt.ListChains(table)
	check(err)
	chains := map[string]bool{}
	for _, chain := range known {
		chains[chain] = true
	}
	for _, line := range lines {
		chain := strings.Split(line, "\t")[0]
		if !chains[chain] {
			check(ipt.NewChain(table, chain))
			chains[chain] = true
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
