// Package dynamo is dispatch.Store on DynamoDB, and the credentials' store. It
// knows no rules. Every write carries a condition, and changes of an item are
// written as differences, so that an older version of the code does not erase
// what a newer one has added. There is no Scan.
package dynamo
