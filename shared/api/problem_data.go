package api

import (
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/problem"
)

type artifactData struct {
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hex
}

type contentData struct {
	Tasks    []judge.Task  `json:"tasks"`
	Testdata *artifactData `json:"testdata"`
	judging.Rules
}

type problemData struct {
	ProblemID int      `json:"problemId"`
	Version   int      `json:"version"`       // 0: never published, and then without tasks
	Pool      job.Pool `json:"pool,omitzero"` // of its jobs that name no other; left out: the default one
	contentData
	Draft *contentData `json:"draft"`
}

func newProblem(p problem.Problem) problemData {
	data := problemData{ProblemID: p.ID, Version: p.Version, Pool: p.Pool, contentData: newContent(p.Current)}
	if p.Draft != nil {
		draft := newContent(*p.Draft)
		data.Draft = &draft
	}
	return data
}

func newContent(c problem.Content) contentData {
	data := contentData{Tasks: c.Tasks, Rules: c.Rules}
	if data.Tasks == nil {
		data.Tasks = []judge.Task{}
	}
	if c.Testdata != (job.Artifact{}) {
		data.Testdata = &artifactData{c.Testdata.Size, c.Testdata.SHA256}
	}
	return data
}
