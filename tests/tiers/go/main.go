// A program of the Go runtime with JSON, maps and sorting: 4.5 MB of wasm, whose functions
// are state machines of hundreds of blocks.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

type item struct {
	Name string `json:"name"`
	Tags []string `json:"tags"`
}

func main() {
	var items []item
	for i := 0; i < 50; i++ {
		items = append(items, item{fmt.Sprintf("n%03d", (i*37)%50), []string{"a", strings.Repeat("b", i%5)}})
	}
	sort.Slice(items, func(i, j int) bool { return items[i].Name < items[j].Name })
	out, err := json.Marshal(items)
	if err != nil { panic(err) }
	var back []item
	if err := json.Unmarshal(out, &back); err != nil { panic(err) }
	m := map[string]int{}
	for _, it := range back { m[it.Name] += len(it.Tags) }
	fmt.Println(len(out), len(m), back[7].Name)
	fmt.Fprintln(os.Stderr, "done")
}
