// Package s3artifact is dispatch.Artifacts on Amazon S3: one private bucket
// whose objects are named by their content and never overwritten. Bytes go
// between S3 and the holder of a presigned URL; this package moves only what is
// small.
package s3artifact
