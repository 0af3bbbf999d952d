CREATE TABLE `health_checks` (
	`instance_id` text NOT NULL,
	`at` integer NOT NULL,
	`status` text NOT NULL,
	`events` text NOT NULL,
	PRIMARY KEY(`instance_id`, `at`)
);
--> statement-breakpoint
CREATE INDEX `health_checks_at` ON `health_checks` (`at`);