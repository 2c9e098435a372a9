// What a Go program on the standard library does of our scan: the digest, the diffID and the listing of every layer
// of a layout's only image in one pass, one goroutine a layer. Prints a line for each layer: digest, diffID, entries.
//
// Usage: scan LAYOUT
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type descriptor struct {
	Digest string `json:"digest"`
}

type document struct {
	Manifests []descriptor `json:"manifests"`
	Layers    []descriptor `json:"layers"`
}

// Small reads would cost more than the work between them: 1 MiB is what our own side reads.
const bufferSize = 1 << 20

func main() {
	layout := os.Args[1]
	index := read(filepath.Join(layout, "index.json"))
	manifest := read(blobPath(layout, index.Manifests[0].Digest))
	lines := make([]chan string, len(manifest.Layers))
	for i, layer := range manifest.Layers {
		lines[i] = make(chan string, 1)
		go func(line chan<- string, digest string) {
			line <- scan(blobPath(layout, digest), digest)
		}(lines[i], layer.Digest)
	}
	for _, line := range lines {
		fmt.Println(<-line)
	}
}

func scan(path, expected string) string {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	blob, content := sha256.New(), sha256.New()
	compressed := bufio.NewReaderSize(io.TeeReader(file, blob), bufferSize)
	unzipped, err := gzip.NewReader(compressed)
	check(err)
	tee := io.TeeReader(unzipped, content)
	entries := 0
	reader := tar.NewReader(tee)
	for {
		_, err := reader.Next()
		if err == io.EOF {
			break
		}
		check(err)
		entries++
	}
	_, err = io.Copy(io.Discard, tee)
	check(err)
	_, err = io.Copy(io.Discard, compressed)
	check(err)
	digest := hex(blob)
	if digest != expected {
		check(fmt.Errorf("%s is %s", expected, digest))
	}
	return fmt.Sprintf("%s %s %d", digest, hex(content), entries)
}

func hex(hash hash.Hash) string { return fmt.Sprintf("sha256:%x", hash.Sum(nil)) }

func blobPath(layout, digest string) string {
	return filepath.Join(layout, "blobs", strings.Replace(digest, ":", "/", 1))
}

func read(path string) (result document) {
	content, err := os.ReadFile(path)
	check(err)
	check(json.Unmarshal(content, &result))
	return
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
