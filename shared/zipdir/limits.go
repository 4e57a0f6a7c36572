package zipdir

import (
	"archive/zip"
	"fmt"
)

// Limits bound what a zip may hold.
type Limits struct {
	Entries int
	Bytes   int64 // unpacked, of all files
	// Ratio is how many times its packed size a zip may unpack to. Small zips
	// of honest text go far beyond 100, so it counts only above FreeBytes.
	Ratio     int64
	FreeBytes int64
}

// Most is how many bytes a zip of size bytes may unpack to.
func (l Limits) Most(size int64) int64 { return min(l.Bytes, max(l.FreeBytes, size*l.Ratio)) }

// Check adds up the entries of a zip of size bytes. A fault names the entry to blame, or
// "" for the zip itself.
func (l Limits) Check(entries []*zip.File, size int64) (file string, fault *Fault) {
	var packed, unpacked, largest uint64
	for _, e := range entries {
		// Sums of what a stranger says must not run over.
		if packed += min(e.CompressedSize64, 1<<40); packed > uint64(size) {
			return "", &Fault{"its files are larger than the zip: it is damaged, or its entries overlap"}
		}
		if e.UncompressedSize64 > largest {
			largest, file = e.UncompressedSize64, e.Name
		}
		if unpacked += min(e.UncompressedSize64, 1<<40); unpacked > uint64(l.Most(size)) {
			return file, &Fault{fmt.Sprintf("the zip unpacks to more than %d bytes, the most allowed for a zip of %d bytes; this file is the largest so far", l.Most(size), size)}
		}
	}
	return "", nil
}

// Readable returns why a file cannot be unpacked by every program, or "" if it
// can.
func Readable(file *zip.File) string {
	switch {
	case file.Flags&1 != 0:
		return "it is encrypted: pack it without a password"
	case !file.Mode().IsRegular():
		return "it is a link, a folder or a device: pack the file itself"
	case file.Method != zip.Store && file.Method != zip.Deflate:
		return fmt.Sprintf("it is packed by method %d: only stored and deflated files can be unpacked everywhere", file.Method)
	}
	return ""
}
