ALTER TABLE `instances` ADD `blocks` text DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `join_tokens` ADD `blocks` text;--> statement-breakpoint
ALTER TABLE `submissions` ADD `share` text;