package durable

import "os"

// Stats is how a folder is doing.
type Stats struct {
	Waiting  int   // rows in the journal that are not in their tables yet
	Unfiled  int64 // bytes in the journal that are not in their files yet
	Database int64 // bytes of state.db
	Broken   bool  // the last transaction failed: nothing can be written
}

// Stats looks at the folder.
func (db *DB) Stats() Stats {
	var s Stats
	db.mu.RLock()
	for _, rows := range db.pending {
		s.Waiting += len(rows)
	}
	db.mu.RUnlock()
	db.files.mu.Lock()
	s.Unfiled = db.files.size
	db.files.mu.Unlock()
	if info, err := os.Stat(file(db.dir)); err == nil {
		s.Database = info.Size()
	}
	s.Broken = db.broken.Load() != nil
	return s
}
