//go:build !linux

package guard

import "os"

// Secret is the value of a variable that was taken out of the environment.
type Secret struct{ value string }

// Hide takes a variable out of the environment.
func Hide(name string) (*Secret, error) {
	value, found := os.LookupEnv(name)
	if !found {
		return nil, nil
	}
	return &Secret{value}, os.Unsetenv(name)
}

// Read returns the value. Without a secret that is "".
func (s *Secret) Read() (string, error) {
	if s == nil {
		return "", nil
	}
	return s.value, nil
}

// Close does nothing here.
func Close() error { return nil }

// Reap does nothing here.
func Reap(*Secret) {}
