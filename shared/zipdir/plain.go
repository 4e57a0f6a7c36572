package zipdir

import (
	"archive/zip"
	"encoding/binary"
	"io"
)

// List returns the entries of a zip as Read does, but none of them can be opened. A
// server lists the code of every job: of a plain zip that takes a tenth of Read's time.
func List(r io.ReaderAt, size int64, entries int) ([]*zip.File, error) {
	if size <= plainSize {
		all := make([]byte, size)
		if n, _ := r.ReadAt(all, 0); int64(n) == size {
			if files, ok := plain(all, entries); ok {
				return files, nil
			}
		}
	}
	return Read(r, size, entries)
}

// The parts of a zip (APPNOTE.TXT of PKWARE, 4.3.12 and 4.3.16).
const (
	plainSize   = 16 << 10
	endSize     = 22
	endMark     = "PK\x05\x06"
	headerSize  = 46
	headerMark  = "PK\x01\x02"
	inLargeForm = 1<<32 - 1 // the number is in an extra field
)

// plain reads the directory of a zip that has no comment, no large form and nothing
// before or between its parts, as nearly all have. ok is false for any other zip, and
// for one that is broken.
func plain(all []byte, entries int) (files []*zip.File, ok bool) {
	at := len(all) - endSize
	if at < 0 || string(all[at:at+4]) != endMark {
		return nil, false
	}
	short, long := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	end := all[at:]
	n, from := int(short(end[10:])), int64(long(end[16:]))
	if long(end[4:]) != 0 || int(short(end[8:])) != n || short(end[20:]) != 0 || n > entries || from+int64(long(end[12:])) != int64(at) {
		return nil, false
	}
	files = make([]*zip.File, n)
	rest := all[from:at]
	for i := range files {
		if len(rest) < headerSize || string(rest[:4]) != headerMark {
			return nil, false
		}
		name, behind := int(short(rest[28:])), int(short(rest[30:]))+int(short(rest[32:]))
		packed, unpacked := long(rest[20:]), long(rest[24:])
		if packed == inLargeForm || unpacked == inLargeForm || long(rest[42:]) == inLargeForm || len(rest) < headerSize+name+behind {
			return nil, false
		}
		files[i] = &zip.File{FileHeader: zip.FileHeader{
			Name: string(rest[headerSize : headerSize+name]), CreatorVersion: short(rest[4:]), Flags: short(rest[8:]), Method: short(rest[10:]),
			CompressedSize64: uint64(packed), UncompressedSize64: uint64(unpacked), ExternalAttrs: long(rest[38:]),
		}}
		rest = rest[headerSize+name+behind:]
	}
	return files, len(rest) == 0
}
