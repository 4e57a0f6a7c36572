package dynamo

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/auth"
	"runlease/shared/awsclient"
)

// keepExpired is how long an operator can still see that a credential has expired.
const keepExpired = 30 * 24 * time.Hour

// Credentials is auth.Directory on DynamoDB. Lookup is all that a function
// needs; the rest is the operator's, and List and Revoke read an index.
type Credentials struct{ store *Store }

// Credentials returns the directory in the credentials table.
func (s *Store) Credentials() *Credentials { return &Credentials{s} }

// Lookup reads a credential by the hash of its token, strongly consistent.
func (c *Credentials) Lookup(ctx context.Context, hash string) (auth.Credential, bool, error) {
	it, err := c.store.read(ctx, "credential", c.store.tables.Credentials, credentialKey(hash))
	if err != nil || it == nil {
		return auth.Credential{}, false, err
	}
	found, err := readCredential(it)
	return found, err == nil, err
}

// Put stores a credential on the condition that its hash is new, or that it is
// stored already.
func (c *Credentials) Put(ctx context.Context, credential auth.Credential) (stored bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	isNew, err := expression.NewBuilder().WithCondition(expression.Name(CredentialsKey).AttributeNotExists()).Build()
	if err != nil {
		return false, fmt.Errorf("store credential: %w", err)
	}
	it := credentialItem(credential)
	_, err = c.store.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &c.store.tables.Credentials,
		Item:                                it,
		ConditionExpression:                 isNew.Condition(),
		ExpressionAttributeNames:            isNew.Names(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return true, nil
	}
	why, isRefusal := refused(err)
	if !isRefusal || why.busy {
		return false, failed("store credential", err)
	}
	return reflect.DeepEqual(why.current, it), nil
}

// List reads credentials in the order of their ids, behind a cursor. It reads
// an index, which lags behind writes by some milliseconds.
func (c *Credentials) List(ctx context.Context, cursor string, limit int) (page []auth.Credential, next string, err error) {
	which := expression.Key(ListHash).Equal(expression.Value(listAll))
	if cursor != "" {
		which = which.And(expression.Key(ListRange).GreaterThan(expression.Value(cursor)))
	}
	items, more, err := c.listed(ctx, "list credentials", which, limit)
	if err != nil {
		return nil, "", err
	}
	if page, err = readAll(items, readCredential); err != nil {
		return nil, "", err
	}
	if more && len(page) > 0 {
		next = page[len(page)-1].ID
	}
	return page, next, nil
}

// Revoke marks the credential with an id as revoked; the first time stays.
func (c *Credentials) Revoke(ctx context.Context, id string, at time.Time) (credential auth.Credential, found bool, err error) {
	which := expression.Key(ListHash).Equal(expression.Value(listAll)).And(expression.Key(ListRange).Equal(expression.Value(id)))
	items, _, err := c.listed(ctx, "find credential", which, 1)
	if err != nil || len(items) == 0 {
		return auth.Credential{}, false, err
	}
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	revokedAt := expression.Name(kRevokedAt)
	change, err := expression.NewBuilder().
		WithUpdate(expression.Set(revokedAt, expression.IfNotExists(revokedAt, expression.Value(numberValue(at.UnixMilli()))))).
		WithCondition(expression.Name(CredentialsKey).AttributeExists()).
		Build()
	if err != nil {
		return auth.Credential{}, false, fmt.Errorf("revoke credential: %w", err)
	}
	out, err := c.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &c.store.tables.Credentials,
		Key:                       item{CredentialsKey: items[0][CredentialsKey]},
		UpdateExpression:          change.Update(),
		ConditionExpression:       change.Condition(),
		ExpressionAttributeNames:  change.Names(),
		ExpressionAttributeValues: change.Values(),
		ReturnValues:              types.ReturnValueAllNew,
	})
	if err != nil {
		if why, isRefusal := refused(err); isRefusal && !why.busy { // it expired under our hands
			return auth.Credential{}, false, nil
		}
		return auth.Credential{}, false, failed("revoke credential", err)
	}
	credential, err = readCredential(out.Attributes)
	return credential, err == nil, err
}

// listed queries the index of credentials.
func (c *Credentials) listed(ctx context.Context, attempted string, which expression.KeyConditionBuilder, limit int) (items []item, more bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	query, err := expression.NewBuilder().WithKeyCondition(which).Build()
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", attempted, err)
	}
	index := ListIndex
	most := int32(min(limit, maxPage))
	out, err := c.store.client.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &c.store.tables.Credentials,
		IndexName:                 &index,
		KeyConditionExpression:    query.KeyCondition(),
		ExpressionAttributeNames:  query.Names(),
		ExpressionAttributeValues: query.Values(),
		Limit:                     &most,
	})
	if err != nil {
		return nil, false, failed(attempted, err)
	}
	return out.Items, len(out.LastEvaluatedKey) > 0, nil
}

func credentialItem(c auth.Credential) item {
	w := writer{}
	w.text(ListHash, listAll)
	w.text(ListRange, c.ID)
	w.text(kKind, string(c.Kind))
	w.text(kName, c.Name)
	w.text(kRunner, c.Runner)
	w.flag(kFleet, c.Fleet)
	var all types.AttributeValue
	if len(c.Scopes) > 0 {
		scopes := make([]types.AttributeValue, len(c.Scopes))
		for i, scope := range c.Scopes {
			scopes[i] = &types.AttributeValueMemberS{Value: scope}
		}
		all = &types.AttributeValueMemberL{Value: scopes}
	}
	w.as(kScopes, all)
	w.text(kPools, strings.Join(c.Pools, ","))
	w.time(kCreatedAt, c.CreatedAt)
	w.time(kExpiresAt, c.ExpiresAt)
	w.time(kRevokedAt, c.RevokedAt)
	if !c.ExpiresAt.IsZero() {
		w.number(TTL, c.ExpiresAt.Add(keepExpired).Unix())
	}
	it := w.item()
	maps.Copy(it, credentialKey(c.Hash))
	return it
}

func readCredential(it item) (auth.Credential, error) {
	r := reader{item: it}
	c := auth.Credential{
		Hash:      r.text(CredentialsKey),
		Kind:      auth.Kind(r.text(kKind)),
		ID:        r.text(ListRange),
		Name:      r.text(kName),
		Runner:    r.text(kRunner),
		Fleet:     r.flag(kFleet),
		CreatedAt: r.time(kCreatedAt),
		ExpiresAt: r.time(kExpiresAt),
		RevokedAt: r.time(kRevokedAt),
	}
	for _, scope := range r.list(kScopes) {
		s, ok := scope.(*types.AttributeValueMemberS)
		if !ok {
			r.wrong(kScopes, scope)
			break
		}
		c.Scopes = append(c.Scopes, s.Value)
	}
	if pools := r.text(kPools); pools != "" {
		c.Pools = strings.Split(pools, ",")
	}
	if r.err != nil {
		return auth.Credential{}, fmt.Errorf("read item of credential %s: %w", c.ID, r.err)
	}
	return c, nil
}

// time writes milliseconds; the zero time is left out.
func (w *writer) time(name string, t time.Time) {
	if !t.IsZero() {
		w.number(name, t.UnixMilli())
	}
}

func (r *reader) time(name string) time.Time {
	if _, exists := r.item[name]; !exists {
		return time.Time{}
	}
	return time.UnixMilli(r.number(name)).UTC()
}
