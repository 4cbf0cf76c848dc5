// A program over the directory that is its first argument: it walks, writes, reads, sorts, encodes and
// hashes, and prints what it finds.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

type record struct {
	Name string   `json:"name"`
	Size int64    `json:"size"`
	Tags []string `json:"tags,omitempty"`
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func main() {
	dir := os.Args[1]
	lines := 0
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		name, text, _ := strings.Cut(scanner.Text(), " ")
		path := filepath.Join(dir, name)
		check(os.MkdirAll(filepath.Dir(path), 0o777))
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		check(err)
		fmt.Fprintln(file, text)
		check(file.Close())
		lines++
	}
	fmt.Println(lines, "lines for", os.Getenv("USER"))

	var records []record
	check(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var tags []string
		for _, word := range strings.Fields(string(data)) {
			if strings.HasPrefix(word, "#") {
				tags = append(tags, word)
			}
		}
		sort.Strings(tags)
		name, _ := filepath.Rel(dir, path)
		records = append(records, record{name, info.Size(), tags})
		fmt.Printf("%x %s\n", sha256.Sum256(data), name)
		return nil
	}))
	encoded, err := json.MarshalIndent(records, "", " ")
	check(err)
	check(os.WriteFile(filepath.Join(dir, "index.json"), encoded, 0o666))
	check(os.Rename(filepath.Join(dir, "index.json"), filepath.Join(dir, "final.json")))
	back, err := os.ReadFile(filepath.Join(dir, "final.json"))
	check(err)
	os.Stdout.Write(append(back, '\n'))

	file, err := os.OpenFile(filepath.Join(dir, "final.json"), os.O_RDWR, 0)
	check(err)
	check(file.Truncate(10))
	_, err = file.Seek(-4, io.SeekEnd)
	check(err)
	rest, err := io.ReadAll(file)
	check(err)
	fmt.Printf("%q\n", rest)
	check(file.Close())
	check(os.Remove(filepath.Join(dir, "final.json")))
	_, err = os.Stat(filepath.Join(dir, "final.json"))
	fmt.Println("gone:", errors.Is(err, fs.ErrNotExist))
	_, err = os.ReadFile(filepath.Join(dir, "../../etc/passwd"))
	fmt.Println("outside:", err != nil)
	start := time.Now()
	time.Sleep(5 * time.Millisecond)
	fmt.Println("slept:", time.Since(start) >= 5*time.Millisecond)
	results := make(chan int)
	for i := 0; i < 10; i++ {
		go func(i int) { results <- i * i }(i)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-results
	}
	fmt.Println("sum:", sum)
	os.Exit(4)
}
