ALTER TABLE `fleets` ADD `attempts` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `fleets` ADD `next_attempt_at` integer;--> statement-breakpoint
ALTER TABLE `fleets` ADD `master_id` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `made` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `idle_since` integer;--> statement-breakpoint
ALTER TABLE `instances` ADD `idle_duration_s` integer;--> statement-breakpoint
ALTER TABLE `instances` ADD `wake_at` integer;--> statement-breakpoint
ALTER TABLE `join_tokens` ADD `instance_id` text;