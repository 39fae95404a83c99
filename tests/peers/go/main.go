// SPDX-License-Identifier: Apache-2.0 OR MIT

// Checks a log that was exported as C2SP tiles with the Go project's own libraries, those of its checksum database:
//
//	go run main.go log DIR VKEY [CHECKPOINT...]   every entry of DIR, and each earlier checkpoint, under DIR/checkpoint
//	go run main.go proof PROOF LEAFHASH VKEY      a tlog-proof, for a leaf hash in hexadecimal
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func hash(text string) (hash tlog.Hash) {
	bytes, err := base64.StdEncoding.DecodeString(text)
	must(err)
	if copy(hash[:], bytes) != tlog.HashSize || len(bytes) != tlog.HashSize {
		log.Fatalf("%q is no hash", text)
	}
	return hash
}

// checkpoint opens a note signed by the log alone: origin, size and root.
func checkpoint(text, vkey string) (size int64, root tlog.Hash) {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 3 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return size, hash(lines[2])
}

// tiles reads tiles of height 8 from a directory.
type tiles string

// x/mod names the height, C2SP does not.
func path(tile tlog.Tile) string { return "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/") }

func (tiles) Height() int                         { return 8 }
func (tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (dir tiles) ReadTiles(wanted []tlog.Tile) (read [][]byte, err error) {
	for _, tile := range wanted {
		bytes, err := os.ReadFile(filepath.Join(string(dir), path(tile)))
		if err != nil {
			return nil, err
		}
		read = append(read, bytes)
	}
	return read, nil
}

func entries(dir string, index, width int64) (list [][]byte) {
	name := strings.Replace(path(tlog.Tile{H: 8, L: 0, N: index, W: int(width)}), "tile/0/", "tile/entries/", 1)
	bytes, err := os.ReadFile(filepath.Join(dir, name))
	must(err)
	for len(bytes) > 0 {
		length := int(binary.BigEndian.Uint16(bytes))
		list = append(list, bytes[2:2+length])
		bytes = bytes[2+length:]
	}
	if int64(len(list)) != width {
		log.Fatalf("%s holds %d entries", name, len(list))
	}
	return list
}

func checkLog(dir, vkey string, earlier []string) {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err)
	size, root := checkpoint(string(text), vkey)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles(dir))
	for first := int64(0); first < size; first += 256 {
		width := size - first
		if width > 256 {
			width = 256
		}
		for offset, entry := range entries(dir, first/256, width) {
			index := first + int64(offset)
			proof, err := tlog.ProveRecord(size, index, reader)
			must(err)
			must(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry)))
		}
	}
	for _, name := range earlier {
		text, err := os.ReadFile(name)
		must(err)
		old, oldRoot := checkpoint(string(text), vkey)
		proof, err := tlog.ProveTree(size, old, reader)
		must(err)
		must(tlog.CheckTree(proof, size, root, old, oldRoot))
	}
	fmt.Printf("%d entries and %d earlier checkpoints verified\n", size, len(earlier))
}

func checkProof(name, leaf, vkey string) {
	text, err := os.ReadFile(name)
	must(err)
	head, signed, found := strings.Cut(string(text), "\n\n")
	if !found {
		log.Fatal("no checkpoint in the proof")
	}
	size, root := checkpoint(signed, vkey)
	index, proof := int64(-1), tlog.RecordProof{}
	for _, line := range strings.Split(head, "\n")[1:] {
		if rest := strings.TrimPrefix(line, "index "); rest != line {
			index, err = strconv.ParseInt(rest, 10, 64)
			must(err)
		} else if !strings.HasPrefix(line, "extra ") {
			proof = append(proof, hash(line))
		}
	}
	bytes, err := hex.DecodeString(leaf)
	must(err)
	var leafHash tlog.Hash
	if copy(leafHash[:], bytes) != tlog.HashSize {
		log.Fatal("no leaf hash")
	}
	must(tlog.CheckRecord(proof, size, root, index, leafHash))
	fmt.Printf("entry %d of %d verified\n", index, size)
}

func main() {
	log.SetFlags(0)
	switch args := os.Args[1:]; {
	case len(args) >= 3 && args[0] == "log":
		checkLog(args[1], args[2], args[3:])
	case len(args) == 4 && args[0] == "proof":
		checkProof(args[1], args[2], args[3])
	default:
		log.Fatal("usage: log DIR VKEY [CHECKPOINT...] | proof PROOF LEAFHASH VKEY")
	}
}
