package dispatch

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
)

// zipped is a zip under way, of at most 65,535 files and 4 GB. Package
// archive/zip makes ten allocations for every file; a result has dozens of them,
// mostly of a few bytes, and all are here already, so their sizes are known.
//
// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
type zipped struct {
	files     []byte
	directory []byte // the central one, which follows them
	count     int
}

// compressFrom is how long a text is before it is worth compressing: a
// compressor is a megabyte of tables to set up, and a few lines get no shorter.
const compressFrom = 256

// The methods of a file.
const (
	stored   = 0
	deflated = 8
)

// add adds a text, as it is if it is short. A name is ASCII.
func (z *zipped) add(name, text string) error {
	const version = 20 // 2.0: the first with deflate
	method, size := uint16(stored), len(text)
	var packed []byte
	if len(text) >= compressFrom {
		var err error
		if packed, err = deflate(text); err != nil {
			return err
		}
		method, size = deflated, len(packed)
	}
	// What the header of a file and its entry in the directory have in common.
	common := make([]byte, 0, 26)
	common = binary.LittleEndian.AppendUint16(common, version)
	common = binary.LittleEndian.AppendUint16(common, 0) // flags
	common = binary.LittleEndian.AppendUint16(common, method)
	common = binary.LittleEndian.AppendUint32(common, 0) // no time: the same outputs make the same bytes
	common = binary.LittleEndian.AppendUint32(common, crc32.ChecksumIEEE([]byte(text)))
	common = binary.LittleEndian.AppendUint32(common, uint32(size))
	common = binary.LittleEndian.AppendUint32(common, uint32(len(text)))
	common = binary.LittleEndian.AppendUint16(common, uint16(len(name)))
	common = binary.LittleEndian.AppendUint16(common, 0) // nothing extra

	at := len(z.files)
	z.files = append(append(append(z.files, "PK\x03\x04"...), common...), name...)
	if method == stored {
		z.files = append(z.files, text...)
	} else {
		z.files = append(z.files, packed...)
	}

	z.directory = append(z.directory, "PK\x01\x02"...)
	z.directory = binary.LittleEndian.AppendUint16(z.directory, version)
	z.directory = append(z.directory, common...)
	z.directory = append(z.directory, make([]byte, 10)...) // no comment, on the first disk, no attributes
	z.directory = binary.LittleEndian.AppendUint32(z.directory, uint32(at))
	z.directory = append(z.directory, name...)
	z.count++
	return nil
}

// close is the whole zip.
func (z *zipped) close() []byte {
	out := append(z.files, z.directory...)
	out = append(append(out, "PK\x05\x06"...), make([]byte, 4)...) // one disk only
	out = binary.LittleEndian.AppendUint16(out, uint16(z.count))
	out = binary.LittleEndian.AppendUint16(out, uint16(z.count))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(z.directory)))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(z.files)))
	return binary.LittleEndian.AppendUint16(out, 0) // no comment
}

// deflaters are kept for the next file.
var deflaters = compressors(flate.DefaultCompression)

func compressors(level int) *sync.Pool {
	return &sync.Pool{New: func() any {
		w, err := flate.NewWriter(io.Discard, level)
		if err != nil {
			panic(err) // the level is a good one
		}
		return w
	}}
}

func deflate(text string) ([]byte, error) {
	var out bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
