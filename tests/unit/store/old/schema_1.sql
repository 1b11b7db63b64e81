PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
         name TEXT PRIMARY KEY,
         value TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES('schema','1');
INSERT INTO meta VALUES('plan_key','ad08329f377fc5b175c1dc1fe69729a9a3052543c8c7eda9d761a34af8efb055');
INSERT INTO meta VALUES('audit_head','11 95c8aa1c2d58fe18741d2d8357f3b3088effdc7bac6285487364acd419d879fe abe5ca4836434690d9de2c5dc39bcbe7c71bd9a07d9808f4af63ebbf696c2d18');
INSERT INTO meta VALUES('freeze','{"at":1767225600000,"frozen":true,"reason":"for a while","who":"CORP\\bob"}');
CREATE TABLE counter (
         name TEXT PRIMARY KEY,
         value INTEGER NOT NULL) STRICT;
INSERT INTO counter VALUES('request',3);
INSERT INTO counter VALUES('decommission',4);
INSERT INTO counter VALUES('step',12);
INSERT INTO counter VALUES('attempt',5);
INSERT INTO counter VALUES('effect',1);
INSERT INTO counter VALUES('event',23);
INSERT INTO counter VALUES('audit',11);
CREATE TABLE plan (
         id TEXT PRIMARY KEY,
         hash TEXT NOT NULL,
         created INTEGER NOT NULL,
         expires INTEGER NOT NULL,
         requester_sid TEXT NOT NULL,
         options TEXT NOT NULL,
         machines TEXT NOT NULL,
         seal TEXT NOT NULL,
         request INTEGER) STRICT;
INSERT INTO "plan" VALUES('a7c8bcc5-c12a-4bc1-b1e5-6016c7826593','682d2d0145c71b5c247b71d69affa9952de0590b82c4a5a7943e070381a327b1',1767225600000,1767226500000,'S-1-5-21-1-2-3-5alice','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"done long ago","shutdown_timeout_ms":300000,"skip":[],"ticket":"CHG-1"}','{"format":1,"machines":[{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web01.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-1","ip_addresses":["10.1.2.1"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-1","name":"web01","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}}]}','53c693d4622617e7c6e444324e3474638ea942b0166bd53fa7e02ee2cba72b24',1);
INSERT INTO "plan" VALUES('3a838341-f738-4b98-b1fb-9c7d1d60f241','cbf1b0140e6bc6defa9070d596d0279d5b5e4cf1c7ef1542d405fab2fe32e1ec',1767225600000,1767226500000,'S-1-5-21-1-2-3-5alice','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"in the middle","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','{"format":1,"machines":[{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web02.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-2","ip_addresses":["10.1.2.2"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-2","name":"web02","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}},{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web03.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-3","ip_addresses":["10.1.2.3"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-3","name":"web03","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}}]}','1438ec4c9ab2205d20261085accfb73d4432f08991238ed2f4c480498f793b51',2);
INSERT INTO "plan" VALUES('82f7e055-5d8b-4234-b957-4c62a21b86fa','7e0d669db63f45587217eaf79d6c850892f720a6b9a215a79edb56104aed3bf4',1767225600000,1767226500000,'S-1-5-21-1-2-3-5alice','{"format":1,"guest_shutdown":true,"not_before":1767312000000,"reason":"","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','{"format":1,"machines":[{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web04.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-4","ip_addresses":["10.1.2.4"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-4","name":"web04","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}}]}','45fce53c95d8110854d5b1c1a28ccd2ae20c78dbd7eff6a0ec0e592d0ec242e1',3);
CREATE TABLE request (
         id INTEGER PRIMARY KEY,
         created INTEGER NOT NULL,
         finished INTEGER,
         requester_sid TEXT NOT NULL,
         requester TEXT NOT NULL,
         sam TEXT NOT NULL,
         upn TEXT NOT NULL,
         domain TEXT NOT NULL,
         uid INTEGER NOT NULL,
         reason TEXT NOT NULL,
         ticket TEXT NOT NULL,
         options TEXT NOT NULL,
         plan TEXT NOT NULL REFERENCES plan (id),
         idempotency_key TEXT NOT NULL,
         body_hash TEXT NOT NULL,
         seal TEXT NOT NULL) STRICT;
INSERT INTO request VALUES(1,1767225600000,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice','alice','alice@corp.example.test','CORP',1000,'done long ago','CHG-1','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"done long ago","shutdown_timeout_ms":300000,"skip":[],"ticket":"CHG-1"}','a7c8bcc5-c12a-4bc1-b1e5-6016c7826593','','','eb9499ee9801e91844e129f4c3958611638c75466f520009abb18456dfa0bbd7');
INSERT INTO request VALUES(2,1767225600000,NULL,'S-1-5-21-1-2-3-5alice','CORP\alice','alice','alice@corp.example.test','CORP',1000,'in the middle','','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"in the middle","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','3a838341-f738-4b98-b1fb-9c7d1d60f241','','','41f551746918b58a2a30d0f1c1064d1791f1a97cc424cdc73266a60a8f4d4b9b');
INSERT INTO request VALUES(3,1767225600000,NULL,'S-1-5-21-1-2-3-5alice','CORP\alice','alice','alice@corp.example.test','CORP',1000,'','','{"format":1,"guest_shutdown":true,"not_before":1767312000000,"reason":"","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','82f7e055-5d8b-4234-b957-4c62a21b86fa','','','b3213a5212bf7391d9e89ec84a2a25ee9fa4ae095e65f73d7c196e4222dff4d4');
CREATE TABLE decommission (
         id INTEGER PRIMARY KEY,
         request INTEGER NOT NULL REFERENCES request (id),
         ordinal INTEGER NOT NULL,
         vcenter_uuid TEXT NOT NULL,
         moref TEXT NOT NULL,
         instance_uuid TEXT NOT NULL,
         name TEXT NOT NULL,
         search TEXT NOT NULL,
         facts TEXT NOT NULL,
         plan TEXT NOT NULL,
         plan_hash TEXT NOT NULL,
         seal TEXT NOT NULL,
         state TEXT NOT NULL,
         reason TEXT NOT NULL,
         not_before INTEGER,
         cancel_number INTEGER,
         warnings INTEGER NOT NULL,
         created INTEGER NOT NULL,
         started INTEGER,
         finished INTEGER,
         acting_sid TEXT NOT NULL,
         acting_sam TEXT NOT NULL,
         acting_upn TEXT NOT NULL,
         acting_domain TEXT NOT NULL,
         acting_seal TEXT NOT NULL,
         apply_again INTEGER NOT NULL,
         UNIQUE (request, ordinal)) STRICT;
INSERT INTO decommission VALUES(1,1,1,'vc-1','vm-1','5000-1','web01',replace('web01\nweb01.corp.example.test\n5000-1\n\nlab:vm-1\n10.1.2.1','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web01.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-1","ip_addresses":["10.1.2.1"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-1","name":"web01","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}','fe026f3fda9443ffa6868694ad664cf8e91d6f708bb31da25703816d98593acc','cb257fb4aa0864149b66613070717e750b13f96e3d2b8c26648ff81fb64e428b','succeeded','',NULL,NULL,0,1767225600000,1767225600000,1767225600000,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','a2233be96da6f3bd5e0f5eea85b9dbe36b1861aeda9e4bed4fa44df51f2d2f10',0);
INSERT INTO decommission VALUES(2,2,1,'vc-1','vm-2','5000-2','web02',replace('web02\nweb02.corp.example.test\n5000-2\n\nlab:vm-2\n10.1.2.2','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web02.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-2","ip_addresses":["10.1.2.2"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-2","name":"web02","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}','51bb093a8788bf1a76aa5ac1bd8fda5f7eea72775e9d40e5eebcd65927844ac2','5e6a76feb9b7da103824b8572dd324c285e248219b0b09e09504983a04d53ff5','running','',NULL,NULL,0,1767225600000,1767225600000,NULL,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','81ca8b31ca0fdf607b98447cba1fba84040f5fb4c1c0355ee46ad31d3c8f12ea',0);
INSERT INTO decommission VALUES(3,2,2,'vc-1','vm-3','5000-3','web03',replace('web03\nweb03.corp.example.test\n5000-3\n\nlab:vm-3\n10.1.2.3','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web03.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-3","ip_addresses":["10.1.2.3"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-3","name":"web03","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}','ad991439b0c1a58c450588bd5ac7d8f9d6363032ece98ff7b04111a9a8c5951d','91f3560ad65d0281c90c9dc46ed09111bd8d038aad25e782675369719e34b1a8','queued','',NULL,NULL,0,1767225600000,NULL,NULL,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','85553774e7728bf81de506b08544fe384153ff91c23fd5176dfcb515810a1d4b',0);
INSERT INTO decommission VALUES(4,3,1,'vc-1','vm-4','5000-4','web04',replace('web04\nweb04.corp.example.test\n5000-4\n\nlab:vm-4\n10.1.2.4','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web04.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-4","ip_addresses":["10.1.2.4"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-4","name":"web04","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"skipped":false,"why":""},{"after":[],"irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"skipped":false,"why":""}]}','c24e4a5c1beb78d6125d9d7a5ea56a0b7f6a32fa1a1f6f12d232e8b9a77f5c68','60dfa7960bc9e0afdffce5de5b175f3a4ea87b64ebd68eca8e697badcfa4a7d0','scheduled','',1767312000000,NULL,0,1767225600000,NULL,NULL,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','2660ad3d943d166e0c7ad9a670369071e4ec5f3137d505f9862bb550a2914eb6',0);
CREATE TABLE step (
         id INTEGER PRIMARY KEY,
         decommission INTEGER NOT NULL REFERENCES decommission (id),
         ordinal INTEGER NOT NULL,
         name TEXT NOT NULL,
         kind TEXT NOT NULL,
         irreversible INTEGER NOT NULL,
         state TEXT NOT NULL,
         message TEXT NOT NULL,
         attempts INTEGER NOT NULL,
         crashes INTEGER NOT NULL,
         not_before INTEGER,
         started INTEGER,
         finished INTEGER,
         UNIQUE (decommission, ordinal),
         UNIQUE (decommission, name)) STRICT;
INSERT INTO step VALUES(1,1,0,'power_off','vsphere.power_off',0,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(2,1,1,'destroy','vsphere.destroy',1,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(3,1,2,'dns','dns',0,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(4,2,0,'power_off','vsphere.power_off',0,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(5,2,1,'destroy','vsphere.destroy',1,'running','',1,0,NULL,1767225600000,NULL);
INSERT INTO step VALUES(6,2,2,'dns','dns',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(7,3,0,'power_off','vsphere.power_off',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(8,3,1,'destroy','vsphere.destroy',1,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(9,3,2,'dns','dns',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(10,4,0,'power_off','vsphere.power_off',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(11,4,1,'destroy','vsphere.destroy',1,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(12,4,2,'dns','dns',0,'pending','',0,0,NULL,NULL,NULL);
CREATE TABLE attempt (
         id INTEGER PRIMARY KEY,
         step INTEGER NOT NULL REFERENCES step (id),
         number INTEGER NOT NULL,
         started INTEGER NOT NULL,
         finished INTEGER,
         outcome TEXT,
         observed TEXT,
         message TEXT NOT NULL,
         UNIQUE (step, number)) STRICT;
INSERT INTO attempt VALUES(1,1,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(2,2,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(3,3,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(4,4,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(5,5,1,1767225600000,NULL,NULL,NULL,'');
CREATE TABLE effect (
         id INTEGER PRIMARY KEY,
         attempt INTEGER NOT NULL REFERENCES attempt (id),
         ordinal INTEGER NOT NULL,
         call TEXT NOT NULL,
         target TEXT NOT NULL,
         before_image TEXT NOT NULL,
         irreversible INTEGER NOT NULL,
         opened INTEGER NOT NULL,
         deadline INTEGER NOT NULL,
         server_time INTEGER,
         handle TEXT NOT NULL,
         handled INTEGER,
         outcome TEXT NOT NULL,
         detail TEXT NOT NULL,
         closed INTEGER,
         UNIQUE (attempt, ordinal)) STRICT;
INSERT INTO effect VALUES(1,5,1,'Destroy_Task','vm-2','{}',1,1767225600000,0,NULL,'task-12',1767225600000,'open','',NULL);
CREATE TABLE event (
         seq INTEGER PRIMARY KEY,
         at INTEGER NOT NULL,
         request INTEGER NOT NULL,
         machine INTEGER,
         step TEXT,
         kind TEXT NOT NULL,
         level TEXT NOT NULL,
         text TEXT NOT NULL,
         data TEXT NOT NULL) STRICT;
INSERT INTO event VALUES(1,1767225600000,1,NULL,NULL,'request.accepted','info','request 1 accepted: 1 machine, asked for by CORP\alice','{"machines":["web01"],"reason":"done long ago","requester":"CORP\\alice","state":"queued","ticket":"CHG-1"}');
INSERT INTO event VALUES(2,1767225600000,1,1,NULL,'decommission.queued','info','web01: queued','{"id":"lab:vm-1","name":"web01","not_before":null,"plan":"linux","state":"queued"}');
INSERT INTO event VALUES(3,1767225600000,1,1,NULL,'decommission.started','info','web01: started','{"name":"web01","state":"running"}');
INSERT INTO event VALUES(4,1767225600000,1,1,'power_off','step.started','info','web01: power_off started','{"attempts":1,"kind":"vsphere.power_off","name":"web01","state":"running"}');
INSERT INTO event VALUES(5,1767225600000,1,1,'power_off','step.finished','info','web01: power_off succeeded: as the test says','{"attempts":1,"name":"web01","next":["destroy"],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(6,1767225600000,1,1,'destroy','step.started','info','web01: destroy started','{"attempts":1,"kind":"vsphere.destroy","name":"web01","state":"running"}');
INSERT INTO event VALUES(7,1767225600000,1,1,'destroy','step.finished','info','web01: destroy succeeded: as the test says','{"attempts":1,"name":"web01","next":["dns"],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(8,1767225600000,1,1,'dns','step.started','info','web01: dns started','{"attempts":1,"kind":"dns","name":"web01","state":"running"}');
INSERT INTO event VALUES(9,1767225600000,1,1,'dns','step.finished','info','web01: dns succeeded: as the test says','{"attempts":1,"name":"web01","next":[],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(10,1767225600000,1,1,NULL,'decommission.finished','info','web01: succeeded','{"name":"web01","reason":"","state":"succeeded","warnings":0}');
INSERT INTO event VALUES(11,1767225600000,1,NULL,NULL,'request.finished','info','request 1: succeeded','{"counts":{"succeeded":1},"machines":1,"state":"succeeded","warnings":0}');
INSERT INTO event VALUES(12,1767225600000,2,NULL,NULL,'request.accepted','info','request 2 accepted: 2 machines, asked for by CORP\alice','{"machines":["web02","web03"],"reason":"in the middle","requester":"CORP\\alice","state":"queued","ticket":""}');
INSERT INTO event VALUES(13,1767225600000,2,1,NULL,'decommission.queued','info','web02: queued','{"id":"lab:vm-2","name":"web02","not_before":null,"plan":"linux","state":"queued"}');
INSERT INTO event VALUES(14,1767225600000,2,2,NULL,'decommission.queued','info','web03: queued','{"id":"lab:vm-3","name":"web03","not_before":null,"plan":"linux","state":"queued"}');
INSERT INTO event VALUES(15,1767225600000,2,1,NULL,'decommission.started','info','web02: started','{"name":"web02","state":"running"}');
INSERT INTO event VALUES(16,1767225600000,2,1,'power_off','step.started','info','web02: power_off started','{"attempts":1,"kind":"vsphere.power_off","name":"web02","state":"running"}');
INSERT INTO event VALUES(17,1767225600000,2,1,'power_off','step.finished','info','web02: power_off succeeded: as the test says','{"attempts":1,"name":"web02","next":["destroy"],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(18,1767225600000,2,1,'destroy','step.started','info','web02: destroy started','{"attempts":1,"kind":"vsphere.destroy","name":"web02","state":"running"}');
INSERT INTO event VALUES(19,1767225600000,2,1,'destroy','step.effect','info','web02: destroy calls Destroy_Task on vm-2','{"attempts":1,"call":"Destroy_Task","effect":1,"irreversible":true,"name":"web02","state":"running","target":"vm-2"}');
INSERT INTO event VALUES(20,1767225600000,2,1,'destroy','step.handle','info','web02: destroy runs as task-12','{"attempts":1,"call":"Destroy_Task","effect":1,"handle":"task-12","name":"web02","state":"running"}');
INSERT INTO event VALUES(21,1767225600000,3,NULL,NULL,'request.accepted','info','request 3 accepted: 1 machine, asked for by CORP\alice','{"machines":["web04"],"reason":"","requester":"CORP\\alice","state":"queued","ticket":""}');
INSERT INTO event VALUES(22,1767225600000,3,1,NULL,'decommission.queued','info','web04: scheduled for 2026-01-02T00:00:00.000Z','{"id":"lab:vm-4","name":"web04","not_before":"2026-01-02T00:00:00.000Z","plan":"linux","state":"scheduled"}');
INSERT INTO event VALUES(23,1767225600000,0,NULL,NULL,'freeze.changed','warning','frozen: no irreversible call is sent by CORP\bob: for a while','{"by":"CORP\\bob","frozen":true,"reason":"for a while"}');
CREATE TABLE audit (
         number INTEGER PRIMARY KEY,
         at INTEGER NOT NULL,
         sid TEXT NOT NULL,
         who TEXT NOT NULL,
         uid INTEGER NOT NULL,
         action TEXT NOT NULL,
         object TEXT NOT NULL,
         text TEXT NOT NULL,
         previous TEXT NOT NULL,
         hash TEXT NOT NULL) STRICT;
INSERT INTO audit VALUES(1,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'submit','1','plan a7c8bcc5-c12a-4bc1-b1e5-6016c7826593 hash 682d2d0145c71b5c247b71d69affa9952de0590b82c4a5a7943e070381a327b1: web01','decom audit','c290aa66fa1684e25cf3c6373b5776542964af93cfa3a61593d33d5b50a579d0');
INSERT INTO audit VALUES(2,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','1.1/power_off','succeeded: as the test says','c290aa66fa1684e25cf3c6373b5776542964af93cfa3a61593d33d5b50a579d0','75f47a9f9feb7a23c95fc72126ade51d860c37b1bad5a9feca693c39db4c4175');
INSERT INTO audit VALUES(3,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','1.1/destroy','succeeded: as the test says','75f47a9f9feb7a23c95fc72126ade51d860c37b1bad5a9feca693c39db4c4175','4a6bdadddbdd67fc5c35da901ef64c6e0f26efe4ee075442636edac38e5ee2f5');
INSERT INTO audit VALUES(4,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','1.1/dns','succeeded: as the test says','4a6bdadddbdd67fc5c35da901ef64c6e0f26efe4ee075442636edac38e5ee2f5','ae91ec8cae3d777243e9ea1128ea277963cd3fc3facefa7b3eefdd23c71b010b');
INSERT INTO audit VALUES(5,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'finish','1.1','web01: succeeded','ae91ec8cae3d777243e9ea1128ea277963cd3fc3facefa7b3eefdd23c71b010b','a5ea3ffae9e875fa7d2e8a1c6d3d11cb3a907958e52d20d4bfcbd9bc80bbbfc9');
INSERT INTO audit VALUES(6,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'submit','2','plan 3a838341-f738-4b98-b1fb-9c7d1d60f241 hash cbf1b0140e6bc6defa9070d596d0279d5b5e4cf1c7ef1542d405fab2fe32e1ec: web02, web03','a5ea3ffae9e875fa7d2e8a1c6d3d11cb3a907958e52d20d4bfcbd9bc80bbbfc9','e4992f405df3462b3a9f067c42c444f1f6aa819f6b5f8560c9d46d59f5133699');
INSERT INTO audit VALUES(7,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','2.1/power_off','succeeded: as the test says','e4992f405df3462b3a9f067c42c444f1f6aa819f6b5f8560c9d46d59f5133699','0c5fc68692f26542815096bbfc2962dbadf71dad09ec52fe8f4d231fbed37435');
INSERT INTO audit VALUES(8,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'effect','2.1/destroy','Destroy_Task vm-2','0c5fc68692f26542815096bbfc2962dbadf71dad09ec52fe8f4d231fbed37435','ce4cbe96c6d804b5b315d619470ba2c90153690c4c6ff25abbd9b56d8016721e');
INSERT INTO audit VALUES(9,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'submit','3','plan 82f7e055-5d8b-4234-b957-4c62a21b86fa hash 7e0d669db63f45587217eaf79d6c850892f720a6b9a215a79edb56104aed3bf4: web04','ce4cbe96c6d804b5b315d619470ba2c90153690c4c6ff25abbd9b56d8016721e','163e3ff43d5a5798b8e6b1cb4ea75c94ca9e9b30ff6404001806ed7d1138938a');
INSERT INTO audit VALUES(10,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'login','s-1','until 2026-01-01T08:00:00.000Z','163e3ff43d5a5798b8e6b1cb4ea75c94ca9e9b30ff6404001806ed7d1138938a','0ec94947b5e00d9a8b760299d3ef9d2688def3c2dffb3b82f0429d99f06bd41f');
INSERT INTO audit VALUES(11,1767225600000,'S-1-5-21-1-2-3-3bob','CORP\bob',1000,'freeze','','for a while','0ec94947b5e00d9a8b760299d3ef9d2688def3c2dffb3b82f0429d99f06bd41f','95c8aa1c2d58fe18741d2d8357f3b3088effdc7bac6285487364acd419d879fe');
CREATE TABLE session (
         id TEXT PRIMARY KEY,
         token_hash TEXT NOT NULL UNIQUE,
         sid TEXT NOT NULL,
         sam TEXT NOT NULL,
         upn TEXT NOT NULL,
         domain TEXT NOT NULL,
         uid INTEGER NOT NULL,
         is_token INTEGER NOT NULL,
         name TEXT NOT NULL,
         roles TEXT NOT NULL,
         created INTEGER NOT NULL,
         expires INTEGER NOT NULL,
         revoked INTEGER) STRICT;
INSERT INTO session VALUES('s-1','aa','S-1-5-21-1-2-3-5alice','alice','','CORP',1000,0,'','operator',1767225600000,1767254400000,NULL);
CREATE INDEX plan_by_expiry ON plan (expires);
CREATE UNIQUE INDEX one_request_per_key ON request (requester_sid, idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX request_by_time ON request (created);
CREATE INDEX request_by_requester ON request (requester_sid, id);
CREATE UNIQUE INDEX one_live_decommission_per_machine ON decommission (vcenter_uuid, moref, instance_uuid)
         WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX decommission_by_state ON decommission (state, request, ordinal, vcenter_uuid);
CREATE INDEX decommission_by_due ON decommission (not_before) WHERE state IN ('scheduled', 'holding');
CREATE INDEX event_by_request ON event (request, seq);
CREATE INDEX session_by_person ON session (sid);
COMMIT;
