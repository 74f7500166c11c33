package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"offlinestore/internal/vectortest"
)

// framingFlaws returns files in another framing than the format's, and files that are no bundles.
func framingFlaws() []flaw {
	fixed := func(b []byte) func(*testing.T, []byte) []byte { return func(*testing.T, []byte) []byte { return b } }
	gz := func(edit func([]byte) []byte) func(*testing.T, []byte) []byte {
		return func(_ *testing.T, plain []byte) []byte { return edit(gzipOf(plain)) }
	}
	zst := func(edit func([]byte) []byte) func(*testing.T, []byte) []byte {
		return func(t *testing.T, plain []byte) []byte {
			return edit(zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedBestCompression)))
		}
	}
	encoder := func(options ...zstd.EOption) func(*testing.T, []byte) []byte {
		return func(t *testing.T, plain []byte) []byte { return zstdOf(t, plain, options...) }
	}
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}
	not := vectortest.NotBundle
	return []flaw{
		{name: "empty", shows: "An empty file.", framing: "none", frame: fixed(nil), result: not, step: 1},
		{name: "text", shows: "A text.", framing: "none", frame: fixed([]byte("hello\n")), result: not, step: 1},
		{name: "other-archive", shows: "A tar of another kind.", framing: "none", frame: fixed(append(tarHeaderOf("README", 0), make([]byte, 1024)...)), result: not, step: 1},
		{name: "tar-cut-in-head", shows: "The archive ends in the middle of index.json.", framing: "tar", plain: func(b []byte) []byte { return b[:1800] }, step: 5},
		{name: "tar-cut-in-payload", shows: "The archive ends in the middle of a blob.", plain: func(b []byte) []byte { return b[:len(b)-1024-300] }, result: vectortest.DamagedBlob, damaged: true, step: 11},
		{name: "tar-short-end", shows: "Only one block of zeros ends the archive.", plain: func(b []byte) []byte { return b[:len(b)-512] }, step: 12},
		{name: "tar-long-end", shows: "Three blocks of zeros end the archive.", plain: func(b []byte) []byte { return append(b, make([]byte, 512)...) }, step: 12},
		{name: "tar-trailing-byte", shows: "A byte follows the archive.", framing: "tar", plain: func(b []byte) []byte { return append(b, 0) }, step: 12},
		{name: "gzip-compressed", shows: "Another program compressed the archive with gzip.", framing: "tar+gzip", step: 1, frame: func(t *testing.T, plain []byte) []byte {
			return gunzipable(t, plain, gzip.BestCompression)
		}},
		{name: "gzip-file-name", shows: "The header of gzip has a file name.", framing: "tar+gzip", step: 1, frame: gz(func(b []byte) []byte {
			b[3] = 8
			return slices.Concat(b[:10], []byte("kit.tar\x00"), b[10:20]) // the rest is irrelevant
		})},
		{name: "gzip-short-block", shows: "A stored block that is not the last one is shorter than 65535 bytes.", framing: "tar+gzip", step: 5, frame: gz(func(b []byte) []byte {
			return slices.Concat(b[:10], []byte{0, 0, 2, 0xff, 0xfd}, b[15:15+512], []byte{1, 0, 2, 0xff, 0xfd}, b[15+512:15+1024])
		})},
		{name: "gzip-wrong-checksum", shows: "The trailer of gzip has another checksum.", framing: "tar+gzip", step: 12, frame: gz(func(b []byte) []byte { b[len(b)-8] ^= 1; return b })},
		{name: "gzip-second-member", shows: "An empty second member follows.", framing: "tar+gzip", step: 12, frame: gz(func(b []byte) []byte { return append(b, gzipOf(nil)...) })},
		{name: "gzip-trailing-byte", shows: "A byte follows the trailer of gzip.", framing: "tar+gzip", step: 12, frame: gz(func(b []byte) []byte { return append(b, 0) })},
		{name: "zstd-no-checksum", shows: "The frame has no checksum.", step: 1, frame: encoder(zstd.WithEncoderCRC(false))},
		{name: "zstd-large-window", shows: "The frame has a window of 8 MiB.", step: 1, frame: encoder(zstd.WithWindowSize(8 << 20))},
		{name: "zstd-content-size", shows: "The frame has a content size.", step: 1, frame: single},
		{name: "zstd-wrong-checksum", shows: "The frame has another checksum.", step: 12, frame: zst(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })},
		{name: "zstd-second-frame", shows: "An empty second frame follows.", step: 12, frame: zst(func(b []byte) []byte {
			return append(b, 0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x50, 1, 0, 0, 0x99, 0xe9, 0xd8, 0x51)
		})},
		{name: "zstd-skippable-frame", shows: "A skippable frame follows.", step: 12, frame: zst(func(b []byte) []byte { return append(b, skippable...) })},
		{name: "zstd-trailing-byte", shows: "A byte follows the frame.", step: 12, frame: zst(func(b []byte) []byte { return append(b, 0) })},
	}
}

// tarFlaws returns archives with other entries than the format's.
func tarFlaws() []flaw {
	payload := func(edit func(*tar.Header)) func(*forge) { return headerAt(lastFile, edit) }
	link := func(kind byte) func(*forge) {
		return payload(func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = kind, "/etc/passwd", 0 })
	}
	return []flaw{
		{name: "parent-path", shows: "An entry leads out of the folder: ../", edit: payload(func(h *tar.Header) { h.Name = "../" + h.Name }), step: 11},
		{name: "absolute-path", shows: "An entry has an absolute path.", edit: payload(func(h *tar.Header) { h.Name = "/" + h.Name }), step: 11},
		{name: "dot-path", shows: "An entry begins with ./", edit: headerAt(1, func(h *tar.Header) { h.Name = "./" + h.Name }), step: 5},
		{name: "symlink", shows: "A symbolic link stands in the place of a blob.", edit: link(tar.TypeSymlink), step: 11},
		{name: "pax-path", shows: "A PAX header gives a blob another path.", edit: extraAt(lastFile, specialFile('x', "PaxHeaders/x", "13 path=../x\n")), step: 11},
		{name: "gnu-long-name", shows: "A GNU header gives index.json another name.", edit: extraAt(1, specialFile('L', "././@LongLink", "../x\x00")), step: 5},
		{name: "setuid", shows: "An entry has another mode.", edit: payload(func(h *tar.Header) { h.Mode = 0o4755 }), step: 11},
		{name: "no-folders", shows: "The folders blobs/ and blobs/sha256/ are missing.", plain: func(b []byte) []byte {
			return bytes.Replace(b, foldersOf(), nil, 1)
		}, step: 5},
		{name: "extra-file", shows: "A file follows the payload.", edit: files(func(fs []*forgeFile) []*forgeFile {
			return append(fs, &forgeFile{name: "README", data: []byte("x")})
		}), step: 12},
		{name: "extra-blob", shows: "A blob that nothing names stands before the payload.", edit: extraAt(lastFile, blobFile([]byte("x"))), step: 11},
		{name: "missing-blob", shows: "A blob is missing.", edit: files(func(fs []*forgeFile) []*forgeFile { return fs[:len(fs)-1] }), step: 11},
		{name: "missing-index", shows: "index.json is missing.", edit: files(func(fs []*forgeFile) []*forgeFile { return slices.Delete(fs, 1, 2) }), step: 5},
		{name: "double-entry", shows: "A manifest stands there twice.", edit: files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, 6, fs[6]) }), step: 8},
		{name: "order-of-head", shows: "Two manifests are swapped.", edit: files(func(fs []*forgeFile) []*forgeFile { fs[6], fs[7] = fs[7], fs[6]; return fs }), step: 8},
		{name: "order-of-payload", shows: "Two blobs of the payload are swapped.", base: pgVector, edit: files(func(fs []*forgeFile) []*forgeFile {
			n := len(fs)
			fs[n-1], fs[n-2] = fs[n-2], fs[n-1]
			return fs
		}), step: 11},
		{name: "padding", shows: "The padding after a blob is not zero.", plain: func(b []byte) []byte { b[len(b)-1024-1] = 1; return b }, step: 12},
		{name: "header-checksum", shows: "A header has a wrong checksum.", plain: func(b []byte) []byte { b[512+512+148] ^= 1; return b }, step: 5},
		{name: "layout-version", shows: "oci-layout is of another version.", edit: files(func(fs []*forgeFile) []*forgeFile {
			fs[0].data = []byte(`{"imageLayoutVersion":"2.0.0"}`)
			return fs
		}), step: 1},
		{name: "huge-index", shows: "The header of index.json announces more than the format allows.", result: vectortest.Limit, edit: headerAt(1, func(h *tar.Header) { h.Size = 1 << 30 }), step: 5},
		{name: "flipped-bit-in-blob", shows: "A bit of a blob is flipped.", result: vectortest.DamagedBlob, damaged: true, step: 11,
			plain: func(b []byte) []byte { b[bytes.Index(b, []byte("PK\x03\x04"))+60] ^= 1; return b }},
		{name: "flipped-bit-in-index", shows: "A bit of the bundle index is flipped.", edit: flipAt(2), step: 3},
		{name: "flipped-bit-in-signature", shows: "A bit of the envelope is flipped.", edit: flipAt(5), step: 3},
		{name: "flipped-bit-in-manifest", shows: "A bit of an item's manifest is flipped.", edit: flipAt(6), step: 8},
		{name: "flipped-bit-in-config", shows: "A bit of an item's config is flipped.", edit: flipAt(8), step: 10},
		{name: "manifest-altered", shows: "An item's manifest has an annotation more than the signed one.", edit: files(func(fs []*forgeFile) []*forgeFile {
			fs[6].data = append(fs[6].data[:len(fs[6].data)-1], `,"annotations":{"x":"y"}}`...)
			return fs
		}), step: 8},
		{name: "empty-config", shows: "The config of the signature is not {}.", edit: files(func(fs []*forgeFile) []*forgeFile { fs[4].data = []byte("[]"); return fs }), step: 3},
	}
}

// flipAt flips a bit of the file with index i, and keeps its name.
func flipAt(i int) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile {
		fs[i].data = slices.Clone(fs[i].data)
		fs[i].data[20] ^= 1
		return fs
	})
}
