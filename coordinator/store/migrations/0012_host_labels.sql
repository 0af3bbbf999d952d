ALTER TABLE `instances` ADD `labels` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `unreachable_since` integer;--> statement-breakpoint
ALTER TABLE `instances` ADD `leaving` text;--> statement-breakpoint
ALTER TABLE `join_tokens` ADD `labels` text;