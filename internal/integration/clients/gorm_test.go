package clients

import (
	"errors"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

var gormClient = client{
	script: gormLife,
	captured: []string{
		"CREATE TABLE `gorm_users`", "INSERT INTO `gorm_orders`", "SELECT * FROM `gorm_orders` WHERE",
		"UPDATE `gorm_orders` SET", "DELETE FROM `gorm_orders`",
	},
	// Each write is a transaction of gorm's own. A duplicate, a foreign key and a change of mind end three.
	commits: 2, rollbacks: 3,
}

type gormUser struct {
	ID        uint
	CreatedAt time.Time
	Name      string `gorm:"uniqueIndex"`
	Orders    []gormOrder
}

type gormOrder struct {
	ID         uint
	GormUserID uint
	Total      float64
	Note       *string
}

func gormLife(t *testing.T, a *app) {
	noon := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	db, err := gorm.Open(sqlite.Dialector{DriverName: a.driver, DSN: a.dsn}, &gorm.Config{
		TranslateError: true, Logger: logger.Discard, NowFunc: func() time.Time { return noon },
	})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	defer pool.Close()

	must(t, db.AutoMigrate(&gormUser{}, &gormOrder{}))
	must(t, db.AutoMigrate(&gormUser{}, &gormOrder{})) // finds nothing to do
	user := gormUser{Name: "ada", Orders: []gormOrder{{Total: 1.5}, {Total: 2.5}}}
	must(t, db.Create(&user).Error)
	a.see("created", user)

	gormRead(t, a, db)
	gormErrors(t, a, db)
	gormTransactions(t, a, db)
}

func gormRead(t *testing.T, a *app, db *gorm.DB) {
	t.Helper()
	var users []gormUser
	must(t, db.Preload("Orders").Where("name = ?", "ada").Find(&users).Error)
	a.see("preloaded", users)
	var names []string
	must(t, db.Model(&gormUser{}).Order("id").Pluck("name", &names).Error)
	a.see("names", names)
	columns, err := db.Migrator().ColumnTypes(&gormOrder{})
	must(t, err)
	for _, c := range columns {
		nullable, ok := c.Nullable()
		a.see("column", c.Name(), c.DatabaseTypeName(), nullable, ok, c.ScanType())
	}
}

func gormErrors(t *testing.T, a *app, db *gorm.DB) {
	t.Helper()
	for _, failed := range []error{
		db.Create(&gormUser{Name: "ada"}).Error,
		db.Create(&gormOrder{GormUserID: 99}).Error,
		db.First(&gormUser{}, "name = ?", "nobody").Error,
		db.Exec("SELEC 1").Error,
	} {
		a.fail("failed", failed)
		a.see("translated", errors.Is(failed, gorm.ErrDuplicatedKey), errors.Is(failed, gorm.ErrForeignKeyViolated))
	}
}

func gormTransactions(t *testing.T, a *app, db *gorm.DB) {
	t.Helper()
	must(t, db.Transaction(func(tx *gorm.DB) error {
		nested := tx.Transaction(func(tx *gorm.DB) error { // a savepoint
			tx.Model(&gormOrder{}).Where("id = ?", 2).Update("total", 0)
			return errors.New("the inner one is undone")
		})
		a.fail("nested", nested)
		return tx.Model(&gormOrder{}).Where("id = ?", 1).Update("total", 9.5).Error
	}))
	a.fail("rolled back", db.Transaction(func(tx *gorm.DB) error {
		tx.Where("1 = 1").Delete(&gormOrder{})
		return errors.New("changed their mind")
	}))
	var orders []gormOrder
	must(t, db.Order("id").Find(&orders).Error)
	a.see("orders", orders)
}
