// Package stored keeps what each version of the code has stored: items of the
// tables, queue messages, keys of objects, tokens and a runner's spool, as
// files in testdata/<version>. Its test reads every version's files with the
// code as it is now and compares what they mean. So data of an older version
// stays readable, for ever, and so does data of this version after a roll-back
// to the one before, as long as no folder that is there already is edited.
//
// A version that stores something new adds a folder: describe what it stores
// as an entry of versions in the test, and write the files with
//
//	go test ./shared/testkit/stored -run TestWrite -write <version>
package stored
