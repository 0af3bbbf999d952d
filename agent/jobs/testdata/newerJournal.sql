-- The journal as a newer agent than this one may leave it: columns, tables, fields, states and reports that it does not know.
CREATE TABLE submissions (
  id TEXT PRIMARY KEY, assignment TEXT NOT NULL, state TEXT NOT NULL, received_at INTEGER NOT NULL,
  is_confirmed INTEGER NOT NULL DEFAULT 0, started_at INTEGER, end TEXT, sequence INTEGER NOT NULL DEFAULT 0,
  stop_reason TEXT, checkpoints INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE reports (
  submission_id TEXT NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  sequence INTEGER NOT NULL, report TEXT NOT NULL, is_urgent INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (submission_id, sequence)
) STRICT;
CREATE TABLE checkpoints (
  submission_id TEXT NOT NULL REFERENCES submissions (id) ON DELETE CASCADE, path TEXT NOT NULL
) STRICT;
CREATE INDEX submissions_by_state ON submissions (state);
PRAGMA user_version = 41;

INSERT INTO submissions VALUES (
  '11111111-1111-4111-8111-111111111111',
  '{"submission_id":"11111111-1111-4111-8111-111111111111","run_id":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","run_name":"train","project_name":"main","job_name":"train-0-0","job_num":0,"replica_num":0,"runtime":"process","argv":["/bin/sh","-i","-c","train"],"env":{"LR":"0.1"},"privileged":false,"network_mode":"host","gpu_ids":[],"mounts":[{"source":"/data","target":"/data","optional":true,"read_only":true}],"archives":[],"claim_lease_ms":20000,"checkpoint":{"every_s":600,"to":"s3://bucket"},"priority":7}',
  'running', 1000, 1, 2000, NULL, 2, NULL, 3
);
INSERT INTO submissions VALUES (
  '22222222-2222-4222-8222-222222222222',
  '{"submission_id":"22222222-2222-4222-8222-222222222222","run_id":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","run_name":"save","project_name":"main","job_name":"save-0-0","job_num":0,"replica_num":0,"runtime":"process","argv":["save"],"env":{},"privileged":false,"network_mode":"host","gpu_ids":[],"mounts":[],"archives":[],"claim_lease_ms":20000}',
  'checkpointing', 1001, 1, 2001, NULL, 1, 'preempted', 1
);
INSERT INTO submissions VALUES (
  '33333333-3333-4333-8333-333333333333',
  '{"submission_id":"33333333-3333-4333-8333-333333333333","run_id":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","run_name":"ended","project_name":"main","job_name":"ended-0-0","job_num":0,"replica_num":0,"runtime":"process","argv":["true"],"env":{},"privileged":false,"network_mode":"host","gpu_ids":[],"mounts":[],"archives":[],"claim_lease_ms":20000}',
  'finished', 1002, 1, 2002,
  '{"exitStatus":3,"reason":"container_exited_with_error","message":"no","peakMemoryMib":512}', 2, NULL, 0
);

INSERT INTO reports VALUES (
  '11111111-1111-4111-8111-111111111111', 2,
  '{"submission_id":"11111111-1111-4111-8111-111111111111","sequence":2,"at":2000,"fact":{"state":"running","working_dir":"/work","cgroup":"/x"},"urgency":1}', 0
);
INSERT INTO reports VALUES (
  '22222222-2222-4222-8222-222222222222', 1,
  '{"submission_id":"22222222-2222-4222-8222-222222222222","sequence":1,"at":2001,"fact":{"state":"checkpointing","path":"/x"}}', 1
);
INSERT INTO reports VALUES (
  '33333333-3333-4333-8333-333333333333', 2,
  '{"submission_id":"33333333-3333-4333-8333-333333333333","sequence":2,"at":2003,"fact":{"state":"finished","reason":"container_exited_with_error","message":"no","exit_status":3,"log_bytes":0}}', 1
);
INSERT INTO checkpoints VALUES ('11111111-1111-4111-8111-111111111111', '/data/1');
